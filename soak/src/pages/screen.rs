//! Screens of telephones and halls.

use serde_json::json;

use crate::browser::Browser;

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
    pub(super) async fn set(self, browser: &Browser) -> anyhow::Result<()> {
        let Self { width, height, scale, mobile } = self;
        let metrics = json!({
            "width": width, "height": height, "deviceScaleFactor": scale, "mobile": mobile,
        });
        browser.devtools("Emulation.setDeviceMetricsOverride", metrics).await?;
        Ok(())
    }
}
