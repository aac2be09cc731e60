//! Text to vector: the static table that ships in the binary, and readable prompt features.
