//! A real browser, driven over WebDriver, whose processes end with it.

mod devtools;
mod driver;

use fantoccini::error::CmdError;
use fantoccini::{Client, ClientBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::Value;

use driver::Driver;
pub use driver::{Kind, Programs, programs, programs_in};

/// A browser with one tab. Dropping it ends its processes.
pub struct Browser {
    /// The session of this browser.
    pub client: Client,
    driver: Driver,
}

impl Browser {
    /// Starts a browser without any profile of before, with these flags beyond those that every
    /// browser here has.
    pub async fn start(programs: &Programs, flags: &[&str]) -> anyhow::Result<Self> {
        let driver = Driver::start(programs)?;
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(driver.capabilities(programs, flags))
            .connect(&driver.address)
            .await?;
        Ok(Self { client, driver })
    }

    /// The process group of all its processes.
    pub fn group(&self) -> u32 {
        self.driver.group()
    }

    /// Sends a command of Chromium's developer tools to the tab, and returns what it answers.
    pub async fn devtools(&self, name: &str, parameters: Value) -> Result<Value, CmdError> {
        self.client.issue_cmd(devtools::Command { name: name.to_string(), parameters }).await
    }
}
