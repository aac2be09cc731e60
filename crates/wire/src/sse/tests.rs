use super::*;

fn blocks(chunks: &[&'static [u8]]) -> (Vec<Bytes>, Option<Bytes>) {
    let mut splitter = Splitter::default();
    let mut blocks = Vec::new();
    for chunk in chunks {
        blocks.extend(splitter.push(Bytes::from_static(chunk)).map(Result::unwrap));
    }
    (blocks, splitter.finish())
}

fn data(block: &[u8]) -> Vec<String> {
    let text = |event: Event<'_>| event.data.map(|data| String::from_utf8_lossy(&data).into_owned());
    events(block).filter_map(text).collect()
}

#[test]
fn events_in_one_chunk_are_one_slice_of_it() {
    let chunk = Bytes::from_static(b"data: a\n\ndata: b\n\ndata: c");
    let mut splitter = Splitter::default();
    let blocks: Vec<_> = splitter.push(chunk.clone()).map(Result::unwrap).collect();
    assert_eq!(blocks, [&b"data: a\n\ndata: b\n\n"[..]]);
    assert_eq!(blocks[0].as_ptr(), chunk.as_ptr());
    assert_eq!(splitter.held(), 7);
}

#[test]
fn only_the_event_that_two_chunks_share_is_joined() {
    let (blocks, rest) = blocks(&[b"data: a\n\ndata", b": b\n\ndata: c\n\n"]);
    assert_eq!(blocks, [&b"data: a\n\n"[..], b"data: b\n\n", b"data: c\n\n"]);
    assert_eq!(rest, None);
}

#[test]
fn all_three_line_ends_are_understood() {
    for body in [
        "data: a\n\ndata: b\n\n",
        "data: a\r\n\r\ndata: b\r\n\r\n",
        "data: a\r\rdata: b\r\r",
        "data: a\n\r\ndata: b\r\n\n",
    ] {
        assert_eq!(data(body.as_bytes()), ["a", "b"], "{body:?}");
    }
}

#[test]
fn an_event_is_given_at_once_when_its_last_line_feed_is_still_under_way() {
    let (blocks, rest) = blocks(&[b"data: a\r\n\r", b"\ndata: b\r\n\r\n"]);
    assert_eq!(blocks, [&b"data: a\r\n\r"[..], b"\ndata: b\r\n\r\n"]);
    assert_eq!(data(&blocks[1]), ["b"]);
    assert_eq!(rest, None);
}

#[test]
fn fields_are_read_as_the_standard_says() {
    let block = b": comment\nevent: first\nevent: add\nid: 7\nid: \0\ndata:  two\ndata\ndata:three\nretry: 5\nodd\n\n";
    let all: Vec<_> = events(block).collect();
    assert_eq!(all.len(), 1);
    assert_eq!(all[0].name, Some(&b"add"[..]));
    assert_eq!(all[0].id, Some(&b"7"[..]));
    assert_eq!(all[0].data.as_deref(), Some(&b" two\n\nthree"[..]));
    assert!(all[0].terminated);
    assert_eq!(all[0].end, block.len());
}

#[test]
fn comments_and_blank_lines_are_no_events() {
    assert!(data(b"\n\r\n: ping\n\n\n\n:\n\n").is_empty());
    assert_eq!(data(b"\n: ping\n\n\ndata: a\n\n\n"), ["a"]);
    assert_eq!(data(b"data:\n\n"), [""]);
}

#[test]
fn a_byte_order_mark_is_skipped() {
    assert_eq!(data(b"\xEF\xBB\xBFdata: a\n\n"), ["a"]);
    let (blocks, _) = blocks(&[b"\xEF", b"\xBB", b"\xBFdata: a\n\n"]);
    assert_eq!(data(&blocks[0]), ["a"]);
}

#[test]
fn a_character_cut_in_two_is_whole_again() {
    let (blocks, _) = blocks(&[b"data: \xE2\x98", b"\x83\n", b"\n"]);
    assert_eq!(data(&blocks[0]), ["☃"]);
}

#[test]
fn the_last_event_counts_without_its_blank_line() {
    let (blocks, rest) = blocks(&[b"data: a\n\ndata: [DONE]"]);
    assert_eq!(blocks.len(), 1);
    let rest = rest.unwrap();
    let last: Vec<_> = events(&rest).collect();
    assert_eq!(last[0].data.as_deref(), Some(&b"[DONE]"[..]));
    assert!(!last[0].terminated);
}

#[test]
fn an_event_beyond_the_limit_is_refused_after_those_before_it() {
    let mut splitter = Splitter::new(10);
    let out: Vec<_> = splitter.push(Bytes::from_static(b"data: a\n\ndata: 12345\n\ndata: b\n\n")).collect();
    let error = SseError::TooLong { limit: 10 };
    assert_eq!(out, [Ok(Bytes::from_static(b"data: a\n\n")), Err(error)]);
    assert_eq!(splitter.push(Bytes::from_static(b"data: c\n\n")).collect::<Vec<_>>(), [Err(error)]);
    assert_eq!(splitter.held(), 0);

    let mut splitter = Splitter::new(10);
    assert_eq!(splitter.push(Bytes::from_static(b"data: 1234")).count(), 0);
    assert_eq!(splitter.push(Bytes::from_static(b"5")).collect::<Vec<_>>(), [Err(error)]);
}

#[test]
fn a_place_in_joined_data_is_found_in_the_block() {
    let block = b": c\n\nid: 1\r\ndata: ab\r\ndata:cd\r\n\r\n";
    let event = events(block).next().unwrap();
    let joined = event.data.clone().unwrap();
    assert_eq!(joined.as_ref(), b"ab\ncd");
    for (offset, byte) in joined.iter().enumerate().filter(|(_, byte)| **byte != b'\n') {
        assert_eq!(block[event.offset_in_block(offset).unwrap()], *byte);
    }
    assert_eq!(event.offset_in_block(joined.len() + 1), None);
}

#[test]
fn what_is_written_reads_back() {
    let mut out = Vec::new();
    write_comment("hi\nthere", &mut out);
    write_event(Some("add\nevil: x"), b"one\r\ntwo\rthree\n", &mut out);
    write_event(None, b"", &mut out);
    assert_eq!(data(&out), ["one\ntwo\nthree\n", ""]);
    assert_eq!(events(&out).next().unwrap().name, Some(&b"add"[..]));
}
