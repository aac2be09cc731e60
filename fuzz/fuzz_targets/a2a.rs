#![no_main]

#[allow(dead_code, reason = "each target calls one law")]
#[path = "../../crates/wire/tests/laws/mod.rs"]
mod laws;

libfuzzer_sys::fuzz_target!(|input: (Vec<u8>, Vec<u8>)| {
    let (cuts, body) = input;
    laws::a2a(&body, &cuts);
});
