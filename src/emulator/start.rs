//! Starting and stopping an emulator, and what can be done to a running one.

use std::path::Path;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::authority;
use super::campaign::Campaign;
use super::faults::Faults;
use super::history::History;
use super::options::Options;
use super::places::{COUNTRIES, QUIET_COUNTRY};
use super::product::Product;
use super::server;
use super::service::{RequestLog, Service};
use super::truth;
use crate::day::Day;
use crate::error::{Error, Kind, Result};

/// A running emulator. Dropping it ends it, too.
pub struct Emulator {
    service: Arc<Service>,
    ca_pem: Option<String>,
    stop: watch::Sender<bool>,
    servers: Vec<JoinHandle<()>>,
}

/// What was planted in the history for those who look for it.
#[derive(Debug, Clone)]
pub struct Planted {
    /// The country whose people have OneDrive and mail their files instead.
    pub quiet_country: &'static str,
    /// The product that hardly anyone uses.
    pub unused_product: Product,
    /// The campaign that worked, then the one that did not; none where campaigns are switched off.
    pub campaigns: Vec<Campaign>,
}

impl Emulator {
    /// Lives the history and listens on this machine's loopback.
    pub async fn start(options: Options) -> Result<Emulator> {
        let told = options.clone();
        let build = move || History::of(&told);
        let history = tokio::task::spawn_blocking(build)
            .await
            .map_err(|e| Error::new(Kind::Usage, "cannot build the history").because(e))?;
        let graph = listen(options.port).await?;
        let downloads = listen(0).await?;
        let (ca_pem, tls) = match options.tls {
            true => authority::tls().map(|(pem, tls)| (Some(pem), Some(tls)))?,
            false => (None, None),
        };
        let scheme = if options.tls { "https" } else { "http" };
        let url = |l: &TcpListener| l.local_addr().map(|a| format!("{scheme}://127.0.0.1:{}", a.port()));
        let failed = |e: std::io::Error| Error::new(Kind::File, "cannot listen").because(e);
        let (graph_url, download_url) = (url(&graph).map_err(failed)?, url(&downloads).map_err(failed)?);
        let service = Arc::new(Service::new(Arc::new(history), options, graph_url, download_url));
        let (stop, stopped) = watch::channel(false);
        let servers = vec![
            tokio::spawn(server::serve(graph, tls.clone(), server::graph(Arc::clone(&service)), stopped.clone())),
            tokio::spawn(server::serve(downloads, tls, server::downloads(Arc::clone(&service)), stopped)),
        ];
        Ok(Emulator { service, ca_pem, stop, servers })
    }

    /// The origin of Graph and of the token endpoint, without a slash at the end.
    pub fn url(&self) -> &str {
        &self.service.graph_url
    }

    /// The certificate of the emulator's CA, where it speaks TLS.
    pub fn ca_pem(&self) -> Option<&str> {
        self.ca_pem.as_deref()
    }

    /// The tenant's id.
    pub fn tenant_id(&self) -> &str {
        &self.service.history.tenant_id
    }

    /// The day on which the emulator stands.
    pub fn today(&self) -> Day {
        self.service.today()
    }

    /// Moves it to another day, the end of the history at the latest.
    pub fn set_today(&self, day: Day) {
        self.service.set_today(day);
    }

    /// Replaces the faults; their counting begins anew.
    pub fn set_faults(&self, faults: Faults) {
        self.service.set_faults(faults);
    }

    /// All requests so far, in the order of their answers.
    pub fn requests(&self) -> Vec<RequestLog> {
        self.service.requests()
    }

    /// What was planted.
    pub fn planted(&self) -> Planted {
        let ran = self.service.options.campaigns;
        Planted {
            quiet_country: COUNTRIES[QUIET_COUNTRY].name,
            unused_product: Product::Yammer,
            campaigns: if ran { self.service.history.campaigns.to_vec() } else { Vec::new() },
        }
    }

    /// Writes what really happened into CSV files of a directory, which is made where it is not there.
    pub fn write_truth(&self, dir: &Path) -> Result<()> {
        truth::write(&self.service.history, &self.planted(), dir)
    }

    /// Ends it: no connection is left when this returns.
    pub async fn stop(self) {
        // Nobody listens any more only where both servers have ended already.
        let _ = self.stop.send(true);
        for server in self.servers {
            let _ = server.await;
        }
    }
}

async fn listen(port: u16) -> Result<TcpListener> {
    TcpListener::bind(("127.0.0.1", port)).await.map_err(|e| {
        Error::new(Kind::Usage, "cannot listen on the port").with("port", port).hint("Name another port").because(e)
    })
}
