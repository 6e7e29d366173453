use super::*;
use proptest::prelude::*;

fn from(base: &str, target: &str, purpose: Purpose) -> Result<String> {
    let base = Admitted::named_by_user(Url::parse(base).unwrap());
    admit(&base, target, purpose).map(|a| a.url().to_string())
}

#[test]
fn b3_https_is_not_lowered_and_public_does_not_lead_to_private() {
    assert!(from("https://r.io/v2/", "http://cdn.io/x", Purpose::Redirect).is_err());
    assert!(from("https://r.io/v2/", "https://127.0.0.1/x", Purpose::Redirect).is_err());
    assert!(
        from(
            "https://r.io/v2/",
            "https://[::ffff:10.0.0.1]/x",
            Purpose::Realm
        )
        .is_err()
    );
    assert!(
        from(
            "https://r.io/v2/",
            "https://169.254.169.254/x",
            Purpose::Location
        )
        .is_err()
    );
    assert!(
        from(
            "http://127.0.0.1:1/v2/",
            "http://127.0.0.3:2/x",
            Purpose::Redirect
        )
        .is_ok()
    );
    assert!(
        from(
            "https://r.io/",
            "https://cdn.io/x?sig=%2F",
            Purpose::Redirect
        )
        .unwrap()
        .ends_with("sig=%2F")
    );
}

#[test]
fn b13_layers_are_fetched_from_where_their_manifest_may_lead() {
    let from = |origin: Option<&str>, url: &str| {
        let origin = origin.map(|o| Url::parse(o).unwrap());
        admit_layer(origin.as_ref(), url).is_ok()
    };
    for (origin, url, good) in [
        (Some("https://r.io/"), "https://cdn.io/layer", true),
        (Some("https://r.io/"), "http://cdn.io/layer", false),
        (Some("https://r.io/"), "https://10.0.0.1/layer", false),
        (
            Some("http://127.0.0.1:5000/"),
            "http://127.0.0.2/layer",
            true,
        ),
        (None, "http://127.0.0.1/layer", true),
        (None, "https://cdn.io/layer", true),
        (None, "file:///etc/passwd", false),
        (None, "/layer", false),
    ] {
        assert_eq!(from(origin, url), good, "{origin:?} {url}");
    }
}

proptest! {
    /// From https nothing leads to plain HTTP, and from a public host nothing to a private address, however
    /// the target is written.
    #[test]
    fn b3_never_panics_and_never_lowers(
        target in "\\PC{0,60}|(https?:)?//?[a-z@.:/\\[\\]0-9?%#]{0,40}|(http|HTTP|https|ws)://(r.io|R.IO|127.1|0x7f000001|10.0.0.1|u:p@r.io|\\[::1\\])(:[0-9]{0,6})?/x",
        port in prop_oneof![Just(""), Just(":5000"), Just(":80")],
        which in 0..4usize,
    ) {
        let purpose = [Purpose::Redirect, Purpose::Location, Purpose::Link, Purpose::Realm][which];
        let base = Url::parse(&format!("https://r.io{port}/v2/a/tags/list")).unwrap();
        let base = Admitted::named_by_user(base);
        if let Ok(url) = admit(&base, &target, purpose) {
            prop_assert_eq!(url.url().scheme(), "https");
            prop_assert!(!shows_private(url.url()));
            prop_assert!(purpose != Purpose::Link || url.same_origin(&base));
        }
    }
}

#[test]
fn a7_a_realm_is_http_or_https() {
    assert!(from("https://r.io/v2/", "null://r.io/token", Purpose::Realm).is_err());
    assert!(from("https://r.io/v2/", "file:///etc/passwd", Purpose::Realm).is_err());
    assert_eq!(
        from("https://r.io/v2/", "/token?a=b", Purpose::Realm).unwrap(),
        "https://r.io/token?a=b"
    );
}

#[test]
fn u3_u4_u5_a_location_is_put_right() {
    let base = "https://r.io:5000/v2/a/blobs/uploads/";
    assert_eq!(
        from(base, "r.io:5000/x", Purpose::Location).unwrap(),
        "https://r.io:5000/x"
    );
    assert_eq!(
        from(base, "https://r.io/x", Purpose::Location).unwrap(),
        "https://r.io:5000/x"
    );
    assert_eq!(
        from(base, "http://r.io:5000/x", Purpose::Location).unwrap(),
        "https://r.io:5000/x"
    );
    assert_eq!(
        from(base, "u1?_state=a%3D", Purpose::Location).unwrap(),
        format!("{base}u1?_state=a%3D")
    );
}

#[test]
fn l2_a_link_stays_on_its_origin() {
    assert!(
        from(
            "https://r.io/v2/a/tags/list",
            "https://evil.io/x",
            Purpose::Link
        )
        .is_err()
    );
    assert!(
        from(
            "https://r.io/v2/a/tags/list",
            "/v2/a/tags/list?last=q",
            Purpose::Link
        )
        .is_ok()
    );
}

#[test]
fn l2_the_same_list_under_another_name_is_asked_where_the_registry_is() {
    let base = "https://r.io:5000/v2/a/tags/list?n=2";
    for link in [
        "http://r.io:5000/v2/a/tags/list?last=q%2F",
        "http://registry/v2/a/tags/list?last=q%2F",
        "https://r.internal.example/v2/a/tags/list?last=q%2F",
        "https://r.io/v2/a/tags/list?last=q%2F",
    ] {
        assert_eq!(
            from(base, link, Purpose::Link).unwrap(),
            "https://r.io:5000/v2/a/tags/list?last=q%2F"
        );
    }
    for link in [
        "https://r.io/v2/b/tags/list?last=q",
        "http://registry/v2/",
        "https://169.254.169.254/v2/a/tags/list",
    ] {
        assert!(from(base, link, Purpose::Link).is_err(), "{link}");
    }
}

#[test]
fn b3_a_server_may_name_private_places_if_it_was_reached_at_one() {
    let named = |peer: &str, target: &str| {
        let mut base = Admitted::named_by_user(Url::parse("https://r.io/v2/").unwrap());
        base.reached(peer.parse().unwrap()).unwrap();
        admit(&base, target, Purpose::Redirect)
    };
    assert!(named("10.0.0.1", "https://10.0.0.2/x").is_ok());
    assert!(named("8.8.8.8", "https://10.0.0.2/x").is_err());
    let mut next = named("8.8.8.8", "https://cdn.io/x").unwrap();
    assert_eq!(next.name_to_check(), Some("cdn.io"));
    assert!(next.reached("8.8.4.4".parse().unwrap()).is_ok());
    let error = next.reached("127.0.0.1".parse().unwrap()).unwrap_err();
    assert!(error.to_string().contains("`127.0.0.1`"), "{error}");
    let mut next = named("10.0.0.1", "https://cdn.io/x").unwrap();
    assert_eq!(next.name_to_check(), None);
    assert!(next.reached("127.0.0.1".parse().unwrap()).is_ok());
}

#[test]
fn queries_are_extended_not_rewritten_and_never_shown() {
    let url = Url::parse("https://u:p@r.io/x?_state=A%3D|b").unwrap();
    let url = Admitted::named_by_user(url);
    assert_eq!(
        url.with_query("digest=d").url().query(),
        Some("_state=A%3D|b&digest=d")
    );
    assert_eq!(url.redacted(), "https://r.io/x");
    assert_eq!(url.place(), "r.io");
}
