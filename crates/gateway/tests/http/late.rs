//! Providers that are down when the gateway starts: what is said of it, and how soon they are found.

use std::time::{Duration, Instant};

use crate::common::{Gateway, ask};
use pointsman_testkit::{Act, Answer, Script, Upstream, refused_url};

/// A gateway over one provider that lists its own models; asked at least once already.
async fn over(base_url: &str, more: &str) -> Gateway {
    let gateway = Gateway::start(&format!("providers:\n  late: {{base_url: '{base_url}'}}\n{more}")).await;
    while gateway.app.live.snapshot().discovering {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    gateway
}

fn refused_for_want_of_the_provider(answer: &Answer) {
    let error = &answer.json()["error"];
    let message = error["message"].as_str().unwrap();
    assert_eq!((answer.status, error["code"].as_str()), (503, Some("no_target")), "{message}");
    assert!(message.contains("`late`") && message.contains("refused"), "{message}");
    assert_eq!(answer.header("retry-after"), Some("1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn while_nothing_is_served_a_refusal_names_the_provider_and_what_went_wrong() {
    for routes in ["", "routes: {auto: {prefer: cost}}\n"] {
        let gateway = over(&refused_url(), routes).await;
        refused_for_want_of_the_provider(&gateway.chat(&ask("auto")).await);
        let named = gateway.chat(&ask("gpt-4o")).await;
        refused_for_want_of_the_provider(&named);
        assert!(named.text().contains("gpt-4o"), "{}", named.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn beside_one_that_serves_an_unknown_model_is_not_found_and_the_other_is_named() {
    let up = Upstream::start(Script::new([Act::say("ok")]).models(&["here"])).await;
    let yaml = format!(
        "providers:\n  good: {{base_url: '{}'}}\n  gone: {{base_url: '{}'}}\n",
        up.openai_url(),
        refused_url()
    );
    let gateway = Gateway::start(&yaml).await;
    let answer = gateway.chat(&ask("elsewhere")).await;
    assert_eq!((answer.status, answer.json()["error"]["code"].as_str()), (404, Some("model_not_found")));
    assert!(answer.text().contains("`gone`") && !answer.text().contains("`good`"), "{}", answer.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_comes_up_late_is_found_as_soon_as_somebody_asks() {
    let url = refused_url();
    let gateway = over(&url, "").await;
    // Behind the second failure, after which the next look of its own accord is four seconds away.
    tokio::time::sleep(Duration::from_millis(2_300)).await;
    let up = Upstream::start_at(&url, Script::new([Act::say("here now")]).models(&["m"])).await;
    let began = Instant::now();
    let answer = loop {
        let answer = gateway.chat(&ask("auto")).await;
        if answer.status == 200 || began.elapsed() > Duration::from_millis(3_000) {
            break answer;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert_eq!((answer.status, up.calls()), (200, 1), "{}", answer.text());
}
