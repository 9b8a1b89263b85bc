//! Whole meetings in virtual time.
