//! The live picture in a real Redis.

mod access;
mod cluster;
mod guard;
mod layouts;
mod made;
mod outages;
mod rig;
