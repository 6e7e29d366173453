//! Where credential files and certificates live on this machine.
