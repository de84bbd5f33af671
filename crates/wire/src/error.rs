//! What can go wrong: the documents' error codes, and the one error every reader of this crate returns.

mod code;
mod parse;

pub use code::{Code, Lang};
pub use parse::ParseError;
