//! Pages behind links: a reconciler beside the pipeline.
//!
//! The database says which pages are due; they are fetched a few at a time, each site at its own pace, and what was read sends
//! the posts that link there through tagging and indexing once more. Posts are searchable long before. Nothing is lost in a
//! crash: a page that was being fetched is still due. Runs in one thread with a small runtime of its own, so that a slow site
//! or a heavy page delays other pages at most.

use std::{
    collections::HashMap,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures_util::{FutureExt as _, StreamExt as _, future::BoxFuture, stream};
use jiff::{SignedDuration, Timestamp, tz::TimeZone};

use crate::{
    app::{App, Error, Tenant, Upkeep},
    job::Backoff,
    links::{self, Address, Fetcher, Guard, Robots, RobotsBook, Settings, page_read},
    model::Disposition,
    store::{DuePage, PageOutcome},
};

/// How often a page that cannot be had is asked for before it is given up.
const ATTEMPTS_MAX: u32 = 5;
/// Between attempts; together over an hour.
const BACKOFF: Backoff = Backoff { first_ms: 5 * 60_000, max_ms: 6 * 3_600_000 };
/// How long a site's rules for robots are believed (RFC 9309: at most a day), and how long a site without an answer is left.
const ROBOTS_TTL: Duration = DAY;
const ROBOTS_UNKNOWN_TTL: Duration = Duration::from_mins(30);
const DAY: Duration = Duration::from_hours(24);
/// Sites whose rules and pace are remembered.
const SITES_MAX: usize = 2_000;
/// Rules that are remembered, bytes; beyond that all are asked for again.
const RULES_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Due pages looked at in one round, per page that is fetched at once: most wait for their site's pace.
const LOOKED_AT: usize = 16;

/// What a round did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinksOutcome {
    /// Asked for so many pages; there may be more.
    Asked(usize),
    /// Nothing is due before then.
    Idle { until: Option<Timestamp> },
}

/// Fetches what is due.
#[derive(Debug, Default)]
pub struct LinkReader {
    /// Made with the first page: most installations never read one.
    tools: Option<Tools>,
    sites: Sites,
}

/// What fetching takes.
#[derive(Debug)]
struct Tools {
    runtime: tokio::runtime::Runtime,
    fetcher: Fetcher,
}

impl Tools {
    fn new(app: &App) -> Result<Self, Error> {
        let config = &app.config().links;
        let guard = Guard::new(config.allowed_networks.clone(), links::own_addresses());
        let settings = Settings {
            timeout: config.timeout,
            redirects_max: config.redirects_max,
            body_bytes_max: config.body_bytes_max,
            ports: config.ports.clone(),
        };
        let failed =
            |error: &dyn std::fmt::Display| Error::Unavailable(format!("prepare fetching of pages: {error}"));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        Ok(Self {
            runtime: runtime.map_err(|error| failed(&error))?,
            fetcher: Fetcher::new(settings, guard).map_err(|error| failed(&error))?,
        })
    }

    /// Fetches pages side by side and reads them one by one.
    fn fetch(
        &self,
        batch: Vec<(DuePage, Address)>,
        sites: &Sites,
        now: Timestamp,
    ) -> Vec<(DuePage, PageRead)> {
        let rules = SiteRules { sites, now };
        let count = batch.len().max(1);
        let all = stream::iter(batch).map(|(page, address)| {
            let (fetcher, rules) = (&self.fetcher, &rules);
            async move {
                let fetched = fetcher.page(&address, rules).await;
                // Whatever a stranger's page does to the reader, it does to that page alone.
                let read = fetched.and_then(|fetched| {
                    let read = catch_unwind(AssertUnwindSafe(|| page_read(&fetched)));
                    let read = read.unwrap_or(Err(links::Refusal::Unreadable));
                    Ok((fetched.address.as_str().to_owned(), read?))
                });
                (page, read)
            }
        });
        self.runtime.block_on(all.buffer_unordered(count).collect())
    }
}

impl LinkReader {
    /// One round over every tenant that has pages due.
    pub fn tick(&mut self, app: &App, stop: &AtomicBool) -> Result<LinksOutcome, Error> {
        let (mut asked, mut until) = (0, None::<Timestamp>);
        for row in app.tenant_due_list(Upkeep::Links)? {
            if stop.load(Ordering::Relaxed) {
                break;
            }
            // A tenant that cannot be opened is the sweep's and doctor's concern.
            let Ok(tenant) = app.tenant_open_due(&row) else { continue };
            match self.tenant(app, &tenant) {
                Ok((of_tenant, due)) => {
                    asked += of_tenant;
                    until = [until, due].into_iter().flatten().min();
                }
                Err(error) if error.is_one_tenants() => {
                    tracing::error!(tenant = %row.id, %error, "pages of a tenant's links cannot be read");
                }
                Err(error) => return Err(error),
            }
        }
        Ok(if asked == 0 { LinksOutcome::Idle { until } } else { LinksOutcome::Asked(asked) })
    }

    /// A round of one tenant: how many pages were asked for, and when the next is due.
    fn tenant(&mut self, app: &App, tenant: &Tenant) -> Result<(usize, Option<Timestamp>), Error> {
        let writes = tenant.writes();
        let (mut asked, mut due) = (0, None);
        if tenant.links_enabled()? {
            asked = self.round(app, tenant)?;
            due = tenant.store().page_next_due()?;
        }
        if due.is_none() {
            tenant.upkeep_done(Upkeep::Links, writes);
        }
        Ok((asked, due))
    }

    /// Asks for the pages of one tenant whose sites are ready; returns how many.
    fn round(&mut self, app: &App, tenant: &Tenant) -> Result<usize, Error> {
        let (config, now) = (&app.config().links, app.now());
        let due = tenant.store().page_due_list(now, config.concurrent_max * LOOKED_AT)?;
        if due.is_empty() {
            return Ok(0);
        }
        let midnight = now.to_zoned(TimeZone::UTC).start_of_day().map_or(now, |day| day.timestamp());
        let used = tenant.store().page_count_since(midnight)?;
        let budget = usize::try_from(config.tenant_per_day.saturating_sub(used)).unwrap_or(usize::MAX);
        let mut settled = Vec::new();
        let mut batch: Vec<(DuePage, Address)> = Vec::new();
        let mut waiting: HashMap<String, u32> = HashMap::new();
        for page in due {
            let Ok(address) = Address::parse(&page.url, &config.ports) else {
                // The list of ports was shortened since.
                settled.push((page.id, PageOutcome::Refused { reason: links::Refusal::Port.name() }));
                continue;
            };
            if batch.len() >= budget {
                settled.push((page.id, PageOutcome::Postponed { due: after(midnight, DAY) }));
                continue;
            }
            match self.sites.turn(address.authority(), now, config.host_pause) {
                Ok(()) => batch.push((page, address)),
                Err(next) => {
                    // Those that wait for the same site come one after the other.
                    let before = waiting.entry(address.authority().to_owned()).or_insert(0);
                    let due = after(next, config.host_pause * *before);
                    *before += 1;
                    settled.push((page.id, PageOutcome::Postponed { due }));
                }
            }
            if batch.len() == config.concurrent_max {
                break;
            }
        }
        let asked = batch.len();
        let read = if batch.is_empty() {
            Vec::new()
        } else {
            let tools = match &mut self.tools {
                Some(tools) => tools,
                None => self.tools.insert(Tools::new(app)?),
            };
            tools.fetch(batch, &self.sites, now)
        };
        for (page, outcome) in read {
            let name = outcome.as_ref().map_or_else(links::Error::name, |_| "read");
            metrics::counter!("links_fetched_total", "outcome" => name).increment(1);
            settled.push((page.id, outcome_of(&page, outcome, now)));
        }
        let advance = tenant.store().pages_settle(settled, now)?;
        app.links_advance(tenant, &advance)?;
        Ok(asked)
    }
}

/// A page and where its redirects ended.
type PageRead = Result<(String, links::Page), links::Error>;

fn outcome_of(page: &DuePage, read: PageRead, now: Timestamp) -> PageOutcome {
    let error = match read {
        Ok((final_url, page)) => {
            let links::Page { title, description, site, text, language } = page;
            return PageOutcome::Read { final_url, title, description, site, text, language };
        }
        Err(error) => error,
    };
    tracing::debug!(page = page.id, %error, "page not read");
    match (&error, error.disposition()) {
        (links::Error::Refused(refusal), _) => PageOutcome::Refused { reason: refusal.name() },
        (_, Disposition::Retry { after: wanted }) if page.attempts + 1 < ATTEMPTS_MAX => {
            let attempt = u16::try_from(page.attempts + 1).unwrap_or(u16::MAX);
            let wait = wanted.unwrap_or_default().max(BACKOFF.after(attempt));
            PageOutcome::Later { reason: error.name(), due: after(now, wait) }
        }
        (_, Disposition::Retry { .. } | Disposition::Reject | Disposition::Halt) => {
            PageOutcome::Failed { reason: error.name() }
        }
    }
}

fn after(at: Timestamp, wait: Duration) -> Timestamp {
    SignedDuration::try_from(wait).ok().and_then(|wait| at.checked_add(wait).ok()).unwrap_or(at)
}

/// The sites that were met: their rules, and whose turn it is.
#[derive(Debug, Default)]
struct Sites(Mutex<HashMap<String, Site>>);

#[derive(Debug, Default)]
struct Site {
    /// Their rules and until when they hold.
    rules: Option<(Robots, Timestamp)>,
    /// When the next page may be asked for.
    next_at: Timestamp,
}

impl Sites {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Site>> {
        // A panic between two calls leaves the map whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the turn at a site, or says when the next one is.
    fn turn(&self, authority: &str, now: Timestamp, pause: Duration) -> Result<(), Timestamp> {
        let mut sites = self.lock();
        if sites.len() >= SITES_MAX {
            sites.retain(|_, site| site.next_at > now);
        }
        let site = sites.entry(authority.to_owned()).or_default();
        if site.next_at > now {
            return Err(site.next_at);
        }
        site.next_at = after(now, pause);
        Ok(())
    }
}

/// The sites' rules as they stand at the time of a round.
struct SiteRules<'a> {
    sites: &'a Sites,
    now: Timestamp,
}

impl RobotsBook for SiteRules<'_> {
    fn rules<'a>(&'a self, fetcher: &'a Fetcher, address: &'a Address) -> BoxFuture<'a, Robots> {
        async move {
            let known = self.sites.lock().get(address.authority()).and_then(|site| site.rules.clone());
            if let Some((rules, until)) = known
                && until > self.now
            {
                return rules;
            }
            let rules = fetcher.robots(address).await;
            let ttl = if rules == Robots::Unknown { ROBOTS_UNKNOWN_TTL } else { ROBOTS_TTL };
            let mut sites = self.sites.lock();
            let held: usize =
                sites.values().filter_map(|site| site.rules.as_ref()).map(|(rules, _)| rules.size()).sum();
            if held > RULES_BYTES_MAX {
                sites.values_mut().for_each(|site| site.rules = None);
            }
            sites.entry(address.authority().to_owned()).or_default().rules =
                Some((rules.clone(), after(self.now, ttl)));
            rules
        }
        .boxed()
    }
}
