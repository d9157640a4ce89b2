//! The client against a server with a queue of replies.
