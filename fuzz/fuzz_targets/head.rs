#![no_main]

#[allow(dead_code, reason = "each target calls one law")]
#[path = "../../crates/wire/tests/laws/mod.rs"]
mod laws;

libfuzzer_sys::fuzz_target!(|body: &[u8]| laws::head(body));
