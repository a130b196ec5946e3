//! One command, one file: what can be typed, and one function.

pub(crate) mod cat;
pub(crate) mod checksum;
pub(crate) mod config;
pub(crate) mod cp;
pub(crate) mod df;
pub(crate) mod doctor;
pub(crate) mod doors;
pub(crate) mod du;
pub(crate) mod exists;
pub(crate) mod find;
pub(crate) mod formats;
pub(crate) mod head;
pub(crate) mod ls;
pub(crate) mod mkdir;
pub(crate) mod mv;
pub(crate) mod rm;
pub(crate) mod rmdir;
pub(crate) mod serve;
pub(crate) mod show;
pub(crate) mod stat;
pub(crate) mod tail;
pub(crate) mod touch;
pub(crate) mod tree;
