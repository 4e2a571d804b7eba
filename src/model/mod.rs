//! Plain types that several modules speak: typed ids, posts, stages, dispositions. No I/O.
//!
//! May know nothing of ours. Ids are newtypes so that a bare integer never crosses a module border.

mod address;
mod disposition;
mod event;
mod flag;
mod id;
mod login;
mod net;
mod person;
mod post;
mod provider;
mod stage;

pub use address::{browser_family, ip_coarse};
pub use disposition::Disposition;
pub use event::Event;
pub use flag::{ConsentPurpose, Experiment, Flag, FlagScope, Outcome, Rating, Variant};
pub use id::{AlertId, ChannelId, MembershipId, PostId, TenantId};
pub use login::{AuthEventKind, InviteStatus, LoginStatus, Refusal};
pub use net::Net;
pub use person::{Actor, AuditAction, Role, Tier};
pub use post::{
    Channel, ChannelSet, ForwardOrigin, IncomingPost, Link, LinkedPage, MediaInfo, Post, PostDetails,
    Reaction,
};
pub use provider::{Caps, ModelFeature, Provider};
pub use stage::Stage;
