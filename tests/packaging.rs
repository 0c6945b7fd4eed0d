//! The Debian package and the container are made of what is there: files, version, user, configuration. `tests/package` installs the
//! former for real, which takes root and the network; this looks at what they are made from.

use std::path::{Path, PathBuf};
use std::process::Command;

use aisd::config::FeedKind;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    let text = std::fs::read_to_string(root().join(path));
    text.unwrap_or_else(|error| panic!("read {path}: {error}"))
}

/// What goes into the package, with where it is put.
fn assets() -> Vec<(String, String)> {
    let manifest: toml::Table = read("Cargo.toml").parse().unwrap();
    let list = manifest["package"]["metadata"]["deb"]["assets"].as_array().unwrap();
    let text = |value: &toml::Value| value.as_str().unwrap().to_owned();
    list.iter().map(|asset| (text(&asset[0]), text(&asset[1]))).collect()
}

#[test]
fn the_package_takes_files_that_are_there_and_what_the_build_makes() {
    let build = read("config/debian/build");
    for (source, _) in assets() {
        let made = source.strip_prefix("target/package/").map(|path| path.trim_end_matches('*'));
        let there = if let Some(path) = made {
            build.contains(&format!("\"$made\"/{}", path.trim_end_matches('/')))
        } else if let Some(program) = source.strip_prefix("target/release/") {
            ["aisd", "loadgen"].contains(&program)
        } else {
            let folder = root().join(&source);
            let folder = if source.contains('*') { folder.parent().unwrap() } else { &folder };
            folder.exists()
        };
        assert!(there, "{source}");
    }
    let all: Vec<String> = assets().into_iter().map(|(source, _)| source).collect();
    for needed in ["config/systemd/aisd.service", "config/systemd/aisd.socket", "docs/*.md"] {
        assert!(all.iter().any(|source| source == needed), "{needed} is packaged");
    }
}

#[test]
fn the_package_has_the_version_of_the_program() {
    let changelog = read("config/debian/changelog");
    let newest = format!("aisd ({}-1) ", env!("CARGO_PKG_VERSION"));
    assert!(changelog.starts_with(&newest), "config/debian/changelog begins with {newest}");
}

/// The unit's user is the one that the package makes, and the container's; its data directory is the home of that user.
#[test]
fn the_unit_the_package_and_the_container_have_one_user() {
    let unit = read("config/systemd/aisd.service");
    let user = unit.lines().find_map(|line| line.strip_prefix("User=")).unwrap();
    let home = format!("/var/lib/{user}");
    assert!(unit.contains(&format!("\nStateDirectory={user}\n")));
    let makes = format!("--home {home} --gecos \"AIS daemon\" {user}\n");
    assert!(read("config/debian/postinst").contains(&makes), "{makes}");
    assert!(read("config/debian/postrm").contains(&home), "what a purge says");
    let docker = read("config/docker/Dockerfile");
    for line in [format!("\nUSER {user}\n"), format!("\nVOLUME {home}\n")] {
        assert!(docker.contains(&line), "{line}");
    }
}

/// What a script makes of the shipped file, by its own `sed`.
fn made_by(script: &str, at: usize) -> aisd::config::Config {
    let text = read(script);
    let line = text.lines().find(|line| line.contains("sed ") && line.contains("data_dir = .*"));
    let line = line.unwrap().trim_start_matches("RUN ").split(" > ").next().unwrap();
    let output = Command::new("sh").args(["-c", line]).current_dir(root()).output().unwrap();
    assert!(output.status.success(), "{line}");
    let text = String::from_utf8(output.stdout).unwrap();
    let config = aisd::config::load::parse(script, &text).unwrap();
    assert_eq!(config.data_dir, PathBuf::from("/var/lib/aisd"), "{script}");
    assert_eq!(config.feeds.len(), at, "{script}");
    config
}

#[test]
fn the_installed_configurations_are_right_and_differ_in_what_they_should() {
    let shipped = aisd::config::load::parse("a.toml", &read("config/aisd.toml")).unwrap();
    let feeds = shipped.feeds.len();
    let packaged = made_by("config/debian/build", feeds);
    assert_eq!(aisd::config::changes::changed(&shipped, &packaged), ["data_dir"]);
    let contained = made_by("config/docker/Dockerfile", feeds);
    assert_eq!(
        aisd::config::changes::changed(&shipped, &contained),
        ["data_dir", "http.address", "feeds"]
    );
    assert_eq!(contained.http.address, "0.0.0.0:3001");
    for feed in &contained.feeds {
        if let FeedKind::Udp { address, .. } | FeedKind::Tcp { address, .. } = &feed.kind {
            assert_eq!(address, "0.0.0.0:10110");
        }
    }
}

#[test]
fn the_scripts_are_read_by_their_shells_to_the_end() {
    let check = |shell: &str, path: &str| {
        let output = Command::new(shell).arg("-n").arg(root().join(path)).output().unwrap();
        assert!(output.status.success(), "{path}: {}", String::from_utf8_lossy(&output.stderr));
    };
    for name in ["postinst", "prerm", "postrm"] {
        check("sh", &format!("config/debian/{name}"));
    }
    check("bash", "config/debian/build");
    check("bash", "tests/package");
}
