//! Who serves models: addresses, keys, proxies.

use std::sync::Arc;

use http::Uri;
use secrecy::SecretString;

use super::Check;
use crate::catalogue::Catalogue;
use crate::config::file::{self, Kind};
use crate::config::scalar::{SecretPlace, SecretRef, secret_place};
use crate::config::shape::nearest;
use crate::config::tree::Step;
use crate::config::well_known::{self, WellKnown};
use crate::config::{Provider, Proxy};

impl Check<'_> {
    /// The providers in the file's order; one with a fault is in the list all the same, so that targets find it.
    pub(super) fn providers(&mut self, file: &file::File) -> Vec<Provider> {
        if file.providers.is_empty() && file.agents.is_empty() && self.faults.is_empty() {
            self.fault(
                &["providers".into()],
                "no providers: there is nobody to send requests to",
                "add one, such as `providers: {openai: {}}`, or run without a file to use what the environment names",
            );
        }
        let mut all: Vec<_> = file.providers.iter().collect();
        all.sort_by_key(|(name, _)| self.origin.tree.place(&["providers".into(), name.as_str().into()]));
        let named: Vec<&str> = file.targets.iter().map(|target| target.provider.as_str()).collect();
        all.into_iter().map(|(name, stated)| self.provider(name, stated, &named)).collect()
    }

    fn provider(&mut self, name: &str, stated: &file::Provider, named_by_targets: &[&str]) -> Provider {
        let known = well_known::named(name);
        let kind = stated.kind.or(known.map(|known| known.kind)).unwrap_or(Kind::Openai);
        let at = |key: &str| -> [Step; 3] { ["providers".into(), name.into(), key.into()] };
        if name.is_empty() || name.contains('/') {
            self.fault(
                &["providers".into(), name.into()],
                format!("`{name}` cannot be a provider's name"),
                "use letters, digits, - and _; a slash stands between provider and model",
            );
        }
        let base_url = match kind {
            Kind::Scripted => String::new(),
            _ => self.base_url(name, stated, known).unwrap_or_default(),
        };
        let host = base_url.parse::<Uri>().ok().and_then(|uri| Some(uri.authority()?.to_string()));
        let vendor = host.as_deref().and_then(well_known::at_host);
        let key = self.key(name, stated, known, vendor, kind);
        let local = is_loopback(&base_url);
        if key.is_some() && base_url.starts_with("http://") && !local {
            self.warn(&at("base_url"), format!("the key of `{name}` travels unencrypted"), "use https");
        }
        let path_is_empty = base_url.parse::<Uri>().is_ok_and(|uri| uri.path().trim_matches('/').is_empty());
        if kind == Kind::Openai && path_is_empty {
            let message = format!("base_url of `{name}` has no path");
            self.warn(
                &at("base_url"),
                message,
                "OpenAI-like servers mostly answer below /v1; add it if this one does",
            );
        }
        let declares = !stated.models.is_empty() || named_by_targets.contains(&name);
        let discover = stated.discover.unwrap_or(!declares) && kind != Kind::Scripted;
        if stated.discover == Some(true) && kind == Kind::Scripted {
            self.fault(
                &at("discover"),
                "a scripted provider lists no models",
                "describe its targets under `targets`",
            );
        }
        for (index, model) in super::repeated(stated.models.iter().map(String::as_str)) {
            let path = ["providers".into(), name.into(), "models".into(), index.into()];
            self.fault(&path, format!("model `{model}` is listed twice"), "take one out");
        }
        let (ca_file, proxy) = (self.ca_file(name, stated), self.proxy(name, stated, local));
        let headers =
            stated.headers.iter().filter_map(|(header, value)| self.header(name, header, value)).collect();
        Provider {
            name: Arc::from(name),
            kind,
            catalogue: catalogue_name(name, known, vendor),
            vendor: vendor.is_some(),
            free: stated.free || (known.is_some_and(|known| known.engine) && local),
            base_url,
            key,
            models: stated.models.iter().filter(|model| !model.is_empty()).cloned().collect(),
            discover,
            ca_file,
            proxy,
            ask_for_usage: stated.ask_for_usage,
            headers,
            sought: false,
        }
    }

    fn base_url(&mut self, name: &str, stated: &file::Provider, known: Option<&WellKnown>) -> Option<String> {
        let path = ["providers".into(), name.into(), "base_url".into()];
        let from_env = known.and_then(|known| self.env.get(known.base?));
        let url = match (&stated.base_url, from_env, known) {
            (Some(url), ..) => self.expand(&path, url)?,
            (None, Some(url), _) => url.to_owned(),
            (None, None, Some(known)) => known.base_url.to_owned(),
            (None, None, None) => {
                let hint = match nearest(name, well_known::ALL.iter().map(|known| known.name)) {
                    Some(known) => {
                        format!("did you mean `{known}`? that one brings its address; else add base_url")
                    }
                    None => "add base_url, such as http://127.0.0.1:8000/v1".to_owned(),
                };
                self.fault(&path, format!("provider `{name}` has no base_url"), hint);
                return None;
            }
        };
        let uri: Option<Uri> = url.parse().ok();
        let good = uri.as_ref().filter(|uri| {
            matches!(uri.scheme_str(), Some("http" | "https"))
                && uri.host().is_some_and(|host| !host.is_empty())
        });
        let Some(uri) = good else {
            let message = format!("base_url of `{name}` is no URL: `{}`", without_credentials(&url));
            self.fault(&path, message, "give scheme and host, such as https://api.example.com/v1");
            return None;
        };
        if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
            self.fault(
                &path,
                format!("base_url of `{name}` holds credentials"),
                "take them out and give api_key",
            );
            return None;
        }
        Some(url.trim_end_matches('/').to_owned())
    }

    fn key(
        &mut self,
        name: &str,
        stated: &file::Provider,
        known: Option<&WellKnown>,
        vendor: Option<&WellKnown>,
        kind: Kind,
    ) -> Option<SecretString> {
        let path = ["providers".into(), name.into(), "api_key".into()];
        if let Some(SecretRef(reference)) = &stated.api_key {
            return self.secret(&path, reference);
        }
        if self.origin.tree.has(&path) {
            // What stands there is no reference, which was told.
            return None;
        }
        // An address given here may be anybody's: a key meant for another is not sent there unasked.
        let known = known.filter(|_| stated.base_url.is_none() && kind != Kind::Scripted)?;
        let key = known.keys.iter().find_map(|variable| self.env.get(variable));
        if let (None, true, Some(variable)) = (key, vendor.is_some(), known.keys.first()) {
            self.fault(
                &path,
                format!("provider `{name}` has no key: environment variable {variable} is not set"),
                format!("set {variable}, or add `api_key: env:NAME`"),
            );
        }
        key.map(|key| SecretString::from(key.to_owned()))
    }

    /// What a reference refers to.
    pub(super) fn secret(&mut self, path: &[Step], reference: &str) -> Option<SecretString> {
        // Anything else the walk along the schema has refused.
        match secret_place(reference)? {
            SecretPlace::Env(variable) => {
                let value = self.env.get(variable);
                if value.is_none() {
                    let message = format!("environment variable {variable} is not set");
                    self.fault(path, message, format!("export {variable}=..., or name another variable"));
                }
                value.map(|value| SecretString::from(value.to_owned()))
            }
            SecretPlace::File(file) => {
                let file = self.origin.beside(file);
                self.files.push(file.clone());
                let (message, hint) = match std::fs::read_to_string(&file) {
                    Ok(text) if !text.trim().is_empty() => {
                        return Some(SecretString::from(text.trim().to_owned()));
                    }
                    Ok(_) => (format!("{} is empty", file.display()), "write the key into it"),
                    Err(error) => (
                        format!("{} cannot be read: {error}", file.display()),
                        "name a file that holds nothing but the key",
                    ),
                };
                self.fault(path, message, hint);
                None
            }
        }
    }

    fn header(&mut self, name: &str, header: &str, value: &str) -> Option<(String, SecretString)> {
        self.header_at(&["providers".into(), name.into(), "headers".into(), header.into()], header, value)
    }

    pub(super) fn header_at(
        &mut self,
        path: &[Step],
        header: &str,
        value: &str,
    ) -> Option<(String, SecretString)> {
        if http::HeaderName::from_bytes(header.as_bytes()).is_err() {
            self.fault(path, format!("`{header}` is no name of a header"), "use letters, digits and -");
            return None;
        }
        let value = match secret_place(value) {
            Some(_) => self.secret(path, value)?,
            None => SecretString::from(self.expand(path, value)?),
        };
        Some((header.to_owned(), value))
    }

    fn ca_file(&mut self, name: &str, stated: &file::Provider) -> Option<std::path::PathBuf> {
        let path = ["providers".into(), name.into(), "ca_file".into()];
        self.certificates(&path, stated.ca_file.as_deref()?)
    }

    pub(super) fn certificates(&mut self, path: &[Step], given: &str) -> Option<std::path::PathBuf> {
        let given = self.expand(path, given)?;
        let file = self.origin.beside(&given);
        if let Err(error) = std::fs::File::open(&file) {
            self.fault(
                path,
                format!("{} cannot be read: {error}", file.display()),
                "name a file of certificates in PEM",
            );
            return None;
        }
        Some(file)
    }

    fn proxy(&mut self, name: &str, stated: &file::Provider, local: bool) -> Proxy {
        let path = ["providers".into(), name.into(), "proxy".into()];
        let given = match stated.proxy.as_deref() {
            None if local => return Proxy::None,
            None => return Proxy::Environment,
            Some("none") => return Proxy::None,
            Some(given) => given,
        };
        self.proxy_url(&path, name, given)
    }

    pub(super) fn proxy_url(&mut self, path: &[Step], name: &str, given: &str) -> Proxy {
        let Some(url) = self.expand(path, given) else { return Proxy::None };
        let uri = url.parse::<Uri>().ok();
        if !uri.is_some_and(|uri| uri.host().is_some() && matches!(uri.scheme_str(), Some("http" | "https")))
        {
            let message = format!("proxy of `{name}` is no URL: `{}`", without_credentials(&url));
            self.fault(path, message, "write http://host:port, or `none`");
        }
        Proxy::At(url)
    }
}

/// Whether a URL's host is this machine.
pub(crate) fn is_loopback(url: &str) -> bool {
    let Ok(uri) = url.parse::<Uri>() else { return false };
    let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// The name under which the catalogue has this provider's prices. Whose API it is tells its host; a name of the
/// operator's own counts where the catalogue knows it and the address is no one else's.
fn catalogue_name(name: &str, known: Option<&WellKnown>, vendor: Option<&WellKnown>) -> Option<&'static str> {
    if let Some(vendor) = vendor {
        return Some(vendor.catalogue);
    }
    if known.is_some() {
        // A well-known name at another address: a proxy or an engine, which prices as its models' makers do if at all.
        return known.filter(|known| known.engine).map(|known| known.catalogue);
    }
    Catalogue::embedded().entries().iter().find(|entry| entry.provider == name).map(|entry| entry.provider)
}

/// A URL as it may be shown.
fn without_credentials(url: &str) -> String {
    match url.rsplit_once('@') {
        Some((before, after)) => {
            let scheme = before.split_once("://").map_or("", |(scheme, _)| scheme);
            format!("{scheme}://...@{after}")
        }
        None => url.to_owned(),
    }
}
