//! The live picture in a real Redis.

mod access;
mod clock;
mod cluster;
mod daemon;
mod guard;
mod layouts;
mod made;
mod network;
mod outages;
mod rebuild;
mod rig;
mod speed;
