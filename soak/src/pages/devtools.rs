//! Commands of the Chrome DevTools Protocol, by way of the driver.

use fantoccini::Client;
use fantoccini::wd::WebDriverCompatibleCommand;
use http::Method;
use serde_json::{Value, json};
use url::{ParseError, Url};

#[derive(Debug)]
struct Command {
    name: &'static str,
    parameters: Value,
}

impl WebDriverCompatibleCommand for Command {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, ParseError> {
        base.join(&format!("session/{}/goog/cdp/execute", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        let body = json!({ "cmd": self.name, "params": self.parameters });
        (Method::POST, Some(body.to_string()))
    }
}

/// Has the browser carry out a command, such as `Page.reload`, with these parameters.
pub(super) async fn command(
    client: &Client,
    name: &'static str,
    parameters: Value,
) -> anyhow::Result<Value> {
    Ok(client.issue_cmd(Command { name, parameters }).await?)
}

/// A screen to show pages on.
#[derive(Clone, Copy)]
pub(super) struct Screen {
    /// In pixels of CSS.
    pub(super) width: u32,
    pub(super) height: u32,
    /// Pixels of the screen for each of these.
    pub(super) scale: u32,
    /// Whether it is a telephone's.
    pub(super) mobile: bool,
}

impl Screen {
    pub(super) async fn set(self, client: &Client) -> anyhow::Result<()> {
        let Self { width, height, scale, mobile } = self;
        let metrics = json!({
            "width": width, "height": height, "deviceScaleFactor": scale, "mobile": mobile,
        });
        command(client, "Emulation.setDeviceMetricsOverride", metrics).await?;
        Ok(())
    }
}
