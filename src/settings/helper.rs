//! The credential-helper protocol: `docker-credential-SUFFIX get|store|erase|list`.
