//! Electronic mail: sent by SMTP, fetched by IMAP, read and threaded.
