//! Streams that a watchdog can cut, put under the `postgres` crate by way of its connector for TLS.
//!
//! The crate opens its socket itself, and hands it to a connector only for TLS. So it is always asked for TLS without
//! negotiation: then it hands every socket over untouched, and [`Connector`] does the rest: asks the server for TLS where
//! that is due, and gives the crate a stream that asks its [`Hold`] before everything it does.
//!
//! For a Unix socket the crate refuses that, so it is sent to a port of the loopback where nobody answers, and the connector
//! puts the Unix socket in the place of what comes of it.

use std::future::{Future, poll_fn};
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use postgres::config::{SslMode, SslNegotiation};
use postgres::tls::{ChannelBinding, MakeTlsConnect, TlsConnect, TlsStream};
use postgres::{Client, Config, Socket};
use r2d2::ManageConnection;
use r2d2_postgres::PostgresConnectionManager;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::UnixStream;
use tokio_postgres_rustls::MakeRustlsConnect;

use super::deadline::Hold;

/// What asks a server for TLS: its length, and a number that no version has.
const TLS_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];
/// The answer to that which means yes.
const TLS_GRANTED: u8 = b'S';

/// One socket to open.
#[derive(Clone)]
pub enum Target {
    /// In plain.
    Tcp(SocketAddr),
    /// Over TLS, with the name that the server must prove.
    Tls(SocketAddr, String, MakeRustlsConnect),
    /// A Unix socket.
    Unix(PathBuf),
}

/// Why there is no connection.
pub enum Failed {
    /// The port of nobody cannot be had.
    Loopback(io::Error),
    /// What the crate says.
    Postgres(postgres::Error),
}

/// Connects and logs in, until the hold is cut.
///
/// # Errors
/// Why that did not work.
pub fn connect(mut login: Config, target: Target, hold: Arc<Hold>) -> Result<Client, Failed> {
    let nobody = match target {
        Target::Unix(_) => Some(Nobody::listen().map_err(Failed::Loopback)?),
        Target::Tcp(_) | Target::Tls(..) => None,
    };
    let place = match (&target, &nobody) {
        (Target::Tcp(place) | Target::Tls(place, ..), _) => *place,
        (Target::Unix(_), nobody) => nobody.as_ref().map_or(LOOPBACK, |nobody| nobody.place),
    };
    // The crate wants a name, the connector has its own.
    login.host(&place.ip().to_string()).hostaddr(place.ip()).port(place.port());
    login.ssl_mode(SslMode::Require).ssl_negotiation(SslNegotiation::Direct);
    let manager = PostgresConnectionManager::new(login, Connector { target, hold });
    manager.connect().map_err(Failed::Postgres)
}

const LOOPBACK: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// A port of the loopback that is connected to and never answers.
struct Nobody {
    _listener: TcpListener,
    place: SocketAddr,
}

impl Nobody {
    fn listen() -> io::Result<Self> {
        let listener = TcpListener::bind(LOOPBACK)?;
        Ok(Self { place: listener.local_addr()?, _listener: listener })
    }
}

/// What the crate believes to be TLS.
#[derive(Clone)]
struct Connector {
    target: Target,
    hold: Arc<Hold>,
}

type Connecting = Pin<Box<dyn Future<Output = io::Result<Line>> + Send>>;

impl MakeTlsConnect<Socket> for Connector {
    type Stream = Line;
    type TlsConnect = Self;
    type Error = io::Error;

    fn make_tls_connect(&mut self, _name: &str) -> io::Result<Self> {
        Ok(self.clone())
    }
}

impl TlsConnect<Socket> for Connector {
    type Stream = Line;
    type Error = io::Error;
    type Future = Connecting;

    fn connect(self, socket: Socket) -> Connecting {
        let hold = Arc::clone(&self.hold);
        Box::pin(async move {
            let mut line = pin!(self.line(socket));
            poll_fn(|context| {
                hold.ask(context)?;
                line.as_mut().poll(context)
            })
            .await
        })
    }
}

impl Connector {
    async fn line(self, socket: Socket) -> io::Result<Line> {
        let Self { target, hold } = self;
        let held = |inner| Held { inner, hold };
        Ok(match target {
            Target::Tcp(_) => Line(Box::pin(held(Inner::Theirs(socket)))),
            Target::Unix(path) => {
                drop(socket);
                Line(Box::pin(held(Inner::Unix(UnixStream::connect(path).await?))))
            }
            Target::Tls(_, name, mut maker) => {
                let mut stream = held(Inner::Theirs(socket));
                ask_for_tls(&mut stream).await?;
                let connector = MakeTlsConnect::<Held>::make_tls_connect(&mut maker, &name);
                let connector = connector.map_err(io::Error::other)?;
                Line(Box::pin(connector.connect(stream).await?))
            }
        })
    }
}

/// Why there is no TLS although it is wanted.
#[derive(Debug, thiserror::Error)]
#[error("the server has no TLS; sslmode=disable in the URL goes without")]
pub struct NoTls;

/// Asks the server for TLS; nothing but its answer is read, so nobody can put words in front of the handshake.
async fn ask_for_tls(stream: &mut Held) -> io::Result<()> {
    let mut sent = 0;
    while sent < TLS_REQUEST.len() {
        let rest = &TLS_REQUEST[sent..];
        sent += poll_fn(|context| Pin::new(&mut *stream).poll_write(context, rest)).await?;
    }
    let mut answer = [0];
    let mut buffer = ReadBuf::new(&mut answer);
    poll_fn(|context| Pin::new(&mut *stream).poll_read(context, &mut buffer)).await?;
    match *buffer.filled() {
        [] => Err(io::ErrorKind::UnexpectedEof.into()),
        [TLS_GRANTED] => Ok(()),
        _ => Err(io::Error::other(NoTls)),
    }
}

/// A socket, whoever opened it.
enum Inner {
    Theirs(Socket),
    Unix(UnixStream),
}

/// A socket that its hold can cut.
pub struct Held {
    inner: Inner,
    hold: Arc<Hold>,
}

trait Both: AsyncRead + AsyncWrite + Unpin {}
impl<T: AsyncRead + AsyncWrite + Unpin> Both for T {}

impl Held {
    fn socket(&mut self, context: &Context<'_>) -> io::Result<Pin<&mut dyn Both>> {
        self.hold.ask(context)?;
        Ok(match &mut self.inner {
            Inner::Theirs(socket) => Pin::new(socket),
            Inner::Unix(socket) => Pin::new(socket),
        })
    }
}

impl AsyncRead for Held {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.socket(context)?.poll_read(context, into)
    }
}

impl AsyncWrite for Held {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.socket(context)?.poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket(context)?.poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket(context)?.poll_shutdown(context)
    }
}

impl TlsStream for Held {
    fn channel_binding(&self) -> ChannelBinding {
        ChannelBinding::none()
    }
}

/// What the crate talks through: a held socket, or TLS over one.
pub struct Line(Pin<Box<dyn TlsStream + Send>>);

impl AsyncRead for Line {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.0.as_mut().poll_read(context, into)
    }
}

impl AsyncWrite for Line {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.0.as_mut().poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.as_mut().poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.as_mut().poll_shutdown(context)
    }
}

impl TlsStream for Line {
    fn channel_binding(&self) -> ChannelBinding {
        self.0.channel_binding()
    }
}
