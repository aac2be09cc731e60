//! How long an upstream asks to be left alone: `retry-after-ms` (OpenAI), `x-ms-retry-after-ms` (Azure), `Retry-After`
//! in seconds or as a date (RFC 9110, 10.2.3). The finest comes first.

use std::time::{Duration, SystemTime};

use http::HeaderMap;

/// A wish beyond a day is as good as a day.
const AT_MOST: Duration = Duration::from_secs(24 * 3600);

/// The wish in milliseconds, if there is one that can be read.
pub(crate) fn retry_after_ms(headers: &HeaderMap) -> Option<u64> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let number = |text: &str| text.parse::<f64>().ok().filter(|number| *number >= 0.0 && number.is_finite());
    let millis = ["retry-after-ms", "x-ms-retry-after-ms"].into_iter().find_map(|name| number(text(name)?));
    let seconds = millis.map(|millis| millis / 1e3).or_else(|| {
        let wish = text("retry-after")?;
        number(wish).or_else(|| {
            let at = httpdate::parse_http_date(wish).ok()?;
            Some(at.duration_since(SystemTime::now()).unwrap_or_default().as_secs_f64())
        })
    })?;
    Some((seconds.min(AT_MOST.as_secs_f64()) * 1e3).ceil() as u64)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn wish(name: &'static str, value: &str) -> Option<u64> {
        let mut headers = HeaderMap::new();
        headers.insert(name, HeaderValue::from_str(value).unwrap());
        retry_after_ms(&headers)
    }

    #[test]
    fn every_spelling_is_read_and_nonsense_is_not() {
        assert_eq!(wish("retry-after", "2"), Some(2_000));
        assert_eq!(wish("retry-after", "0.5"), Some(500));
        assert_eq!(wish("retry-after-ms", "120"), Some(120));
        assert_eq!(wish("x-ms-retry-after-ms", "7"), Some(7));
        assert_eq!(wish("retry-after", "1e30"), Some(86_400_000));
        for nonsense in ["-1", "soon", "NaN", "inf", ""] {
            assert_eq!(wish("retry-after", nonsense), None, "{nonsense}");
        }
    }

    #[test]
    fn a_date_is_a_wait_from_now_and_a_past_one_is_none() {
        let soon = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(90));
        let wait = wish("retry-after", &soon).unwrap();
        assert!((88_000..=90_000).contains(&wait), "{wait}");
        assert_eq!(wish("retry-after", "Sun, 06 Nov 1994 08:49:37 GMT"), Some(0));
    }

    #[test]
    fn the_finer_header_wins() {
        let mut headers = HeaderMap::new();
        headers.insert("retry-after", HeaderValue::from_static("9"));
        headers.insert("retry-after-ms", HeaderValue::from_static("50"));
        assert_eq!(retry_after_ms(&headers), Some(50));
    }
}
