//! Turns a typed intent into verified answers of the distribution protocol.
