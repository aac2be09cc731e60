use super::*;

fn fault(text: &[u8]) -> JsonFault {
    View::parse(text).unwrap_err().fault
}

#[test]
fn the_grammar_of_rfc_8259_is_kept() {
    for good in
        ["0", "-0.5e-3", "1E+2", "\"\\u00e9\\n\"", " [ ] ", "{\"a\":[1,{\"b\":null}],\"c\":false}", "[[],{}]"]
    {
        assert_eq!(View::parse(good.as_bytes()).unwrap().raw(), good.trim().as_bytes());
    }
    for bad in [
        "",
        " ",
        "01",
        "1.",
        ".5",
        "+1",
        "1e",
        "-",
        "tru",
        "nulll",
        "'a'",
        "\"",
        "\"\\x\"",
        "\"\\u12g4\"",
        "[1,]",
        "[,1]",
        "[1 2]",
        "{\"a\"}",
        "{\"a\":}",
        "{a:1}",
        "{\"a\":1,}",
        "{,}",
        "[",
        "{",
        "]",
        "[}",
        "{]",
        "[1}",
        "NaN",
        "1 1",
    ] {
        assert!(View::parse(bad.as_bytes()).is_err(), "{bad}");
        assert!(serde_json::from_str::<serde::de::IgnoredAny>(bad).is_err(), "{bad}");
    }
}

#[test]
fn nesting_ends_at_the_limit_without_recursion() {
    let nested = |depth: usize| ["[".repeat(depth), "]".repeat(depth)].concat();
    let limit = MAX_DEPTH as usize;
    assert!(View::parse(nested(limit).as_bytes()).is_ok());
    assert_eq!(fault(nested(limit + 1).as_bytes()), JsonFault::TooDeep);
    assert_eq!(fault("[".repeat(1_000_000).as_bytes()), JsonFault::TooDeep);
    let objects = ["{\"a\":".repeat(limit), "1".into(), "}".repeat(limit)].concat();
    assert!(View::parse(objects.as_bytes()).is_ok());
}

#[test]
fn entered_containers_count_towards_the_limit() {
    let text = ["{\"a\":".to_owned(), "[".repeat(128), "]".repeat(128), "}".into()].concat();
    let mut cursor = Cursor::new(text.as_bytes());
    let mut walk = cursor.object().unwrap();
    cursor.next_key(&mut walk).unwrap();
    assert_eq!(cursor.value().unwrap_err().fault, JsonFault::TooDeep);
}

#[test]
fn an_error_names_line_column_and_byte() {
    let error = View::parse("{\n  \"é\": tru\n}".as_bytes()).unwrap_err();
    assert_eq!(error.place, Place { byte: 10, line: 2, column: 8 });
    assert_eq!(error.to_string(), "expected a value at line 2, column 8 (byte 10)");
}

#[test]
fn special_bytes_are_found_wherever_they_stand() {
    for length in 0..100 {
        for special in [b'"', b'\\', 0, 0x1f] {
            let mut bytes = vec![b'a'; 100];
            bytes[length] = special;
            assert_eq!(cursor::plain_run(&bytes), length);
            // Bytes beyond ASCII and the neighbours of the special ones are plain.
            bytes[..length].fill(0xE9);
            assert_eq!(cursor::plain_run(&bytes), length);
            bytes[..length].fill(b'!');
            assert_eq!(cursor::plain_run(&bytes), length);
            bytes[..length].fill(b' ');
            assert_eq!(cursor::plain_run(&bytes), length);
        }
    }
    assert_eq!(cursor::plain_run(&[b'['; 77]), 77);
}

#[test]
fn strings_are_decoded_as_serde_json_decodes_them() {
    for text in [r#""plain""#, r#""a\"b\\c\/\b\f\n\r\t""#, r#""\u00e9\u2603 \ud83d\ude00""#, "\"é☃\""] {
        let view = View::parse(text.as_bytes()).unwrap();
        let expected: String = serde_json::from_str(text).unwrap();
        assert_eq!(view.str().unwrap(), expected);
        assert_eq!(decoded_len(view.str_raw().unwrap()), expected.len());
        let mut written = Vec::new();
        write_string(&expected, &mut written);
        assert_eq!(serde_json::from_slice::<String>(&written).unwrap(), expected);
    }
    assert_eq!(decode(br"\ud800 \ud800\u0041"), "\u{fffd} \u{fffd}A");
    let mut written = Vec::new();
    write_string("\u{1}\u{1f}\u{7f}", &mut written);
    assert_eq!(written, b"\"\\u0001\\u001f\x7f\"");
}

#[test]
fn whole_numbers_are_read_however_they_are_spelt() {
    let number = |text: &str| View::parse(text.as_bytes()).unwrap().u64();
    assert_eq!(number("4096"), Some(4096));
    assert_eq!(number("5.0"), Some(5));
    assert_eq!(number("1e3"), Some(1000));
    assert_eq!(number("18446744073709551615"), Some(u64::MAX));
    for none in ["-1", "0.5", "1e300", "\"5\"", "null"] {
        assert_eq!(number(none), None, "{none}");
    }
}

#[test]
fn of_equal_keys_the_last_one_counts() {
    let view = View::parse(br#"{"a":1,"\u0061":2,"b":3}"#).unwrap();
    assert_eq!(view.get("a").unwrap().u64(), Some(2));
    assert_eq!(view.members().count(), 3);
}

#[test]
fn a_view_of_unchecked_bytes_ends_early_and_never_fails() {
    for bytes in [&b"{\"a\""[..], b"[1,", b"{\"a\":1,,", b"\"", b"", b"{]"] {
        let view = View::trusted(bytes);
        assert!(view.members().count() <= 1 && view.elements().count() <= 1);
        assert_eq!(view.str(), None);
    }
}
