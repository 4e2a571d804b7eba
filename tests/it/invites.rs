//! Invites and admissions: who is let in, exactly as often as the invite says, and what is left when a login fails.

use jiff::SignedDuration;
use tga::{
    app::{
        Error,
        admissions::Admittance,
        audit::Origin,
        auth_events::AuthStep,
        invites::{InviteView, NewInvite},
    },
    model::{AuditAction, AuthEventKind, InviteStatus, Role},
    store::{Admission, AuditFilter, AuthEventFilter, MemberFilter, Profile},
};

use crate::support::TestApp;

fn invite(app: &TestApp, uses_limit: u32) -> InviteView {
    let new = NewInvite { role: Role::User, uses_limit, expires_at: None, notes: None };
    app.app().invite_create(app.tenant().id(), &new, &Origin::operator()).unwrap()
}

fn profile(telegram_id: i64) -> Profile {
    Profile {
        telegram_id,
        username: Some(format!("reader{telegram_id}")),
        first_name: Some("Анна".to_owned()),
        last_name: None,
        language: Some("ru".to_owned()),
    }
}

fn with_code(code: &str) -> Admittance {
    Admittance { invite_code: Some(code.to_owned()), ..Admittance::default() }
}

fn admit(app: &TestApp, login: &str, telegram_id: i64, code: &str) -> Result<Admission, Error> {
    app.app().admit(login, profile(telegram_id), &with_code(code))
}

fn uses(app: &TestApp, code: &str) -> (u32, u64) {
    let (_, listed) = app.app().invite_usage(code, None, 100, 0).unwrap();
    (app.app().invite_get(code, None).unwrap().uses_count, listed)
}

#[test]
fn an_invite_for_ten_lets_exactly_ten_of_two_hundred_in() {
    let app = TestApp::new();
    let code = invite(&app, 10).code;
    let outcomes: Vec<Result<Admission, Error>> = std::thread::scope(|scope| {
        let (app, code) = (&app, &code);
        let logins: Vec<_> = (0..200)
            .map(|n| scope.spawn(move || admit(app, &format!("login-{n}"), 1000 + n, code)))
            .collect();
        logins.into_iter().map(|login| login.join().unwrap()).collect()
    });
    let (inside, outside): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(Result::is_ok);
    assert_eq!(inside.len(), 10);
    assert!(outside.iter().all(|refused| refused.as_ref().unwrap_err().code().name() == "invite_exhausted"));
    assert_eq!(uses(&app, &code), (10, 10));
    let (members, total) =
        app.app().member_list(app.tenant().id(), &MemberFilter::default(), 100, 0).unwrap();
    assert_eq!((members.len(), total), (10, 10));
    assert_eq!(app.app().invite_get(&code, None).unwrap().status, InviteStatus::Exhausted);
}

#[test]
fn each_refusal_says_which_it_is() {
    let app = TestApp::new();
    let refused = |code: &str| admit(&app, &format!("of {code}"), 7, code).unwrap_err().code().name();
    assert_eq!(
        app.app().admit("none", profile(7), &Admittance::default()).unwrap_err().code().name(),
        "invite_required"
    );
    assert_eq!(refused("  "), "invite_required");
    assert_eq!(refused("not a code"), "invite_unknown");
    assert_eq!(refused("ABCDEFGHIJ12"), "invite_unknown");
    let revoked = invite(&app, 0).code;
    app.app().invite_revoke(&revoked, None, &Origin::operator()).unwrap();
    assert_eq!(refused(&revoked), "invite_revoked");
    let again = app.app().invite_revoke(&revoked, None, &Origin::operator()).unwrap_err();
    assert_eq!(again.code().name(), "conflict");
    let mut new = NewInvite { role: Role::User, uses_limit: 1, expires_at: None, notes: None };
    new.expires_at = Some(app.app().now() + SignedDuration::from_hours(1));
    let expiring = app.app().invite_create(app.tenant().id(), &new, &Origin::operator()).unwrap().code;
    app.advance(SignedDuration::from_mins(60));
    assert_eq!(refused(&expiring), "invite_expired");
    let late = app.app().invite_create(app.tenant().id(), &new, &Origin::operator()).unwrap_err();
    assert!(late.to_string().contains("expires_at"), "{late}");
    let used_up = invite(&app, 1).code;
    admit(&app, "first", 8, &used_up).unwrap();
    assert_eq!(refused(&used_up), "invite_exhausted");
    for (status, code) in [
        (InviteStatus::Revoked, &revoked),
        (InviteStatus::Expired, &expiring),
        (InviteStatus::Exhausted, &used_up),
    ] {
        let (found, total) = app.app().invite_list(None, Some(status), 10, 0).unwrap();
        assert_eq!((found[0].code.as_str(), total), (code.as_str(), 1), "{status:?}");
    }
    assert_eq!(app.app().invite_list(None, Some(InviteStatus::Active), 10, 0).unwrap().1, 0);
}

#[test]
fn a_failed_login_gives_its_use_back_and_leaves_nobody() {
    let mut app = TestApp::new();
    let code = invite(&app, 1).code;
    let admission = admit(&app, "one", 7, &code).unwrap();
    assert!(admission.made);
    assert_eq!(admit(&app, "one", 7, &code).unwrap(), admission, "asked twice for one login, admitted once");
    assert_eq!(uses(&app, &code), (1, 1));
    // The process dies here; whoever starts logins finds what is open.
    app.crash();
    app.advance(SignedDuration::from_mins(11));
    let open = app.app().admission_open_list(SignedDuration::from_mins(10)).unwrap();
    assert_eq!(open.len(), 1);
    assert_eq!((open[0].login_id.as_str(), open[0].membership_id), ("one", admission.member.id));
    assert!(app.app().admission_take_back("one").unwrap());
    assert!(!app.app().admission_take_back("one").unwrap(), "it goes back once");
    assert_eq!(uses(&app, &code), (0, 0));
    assert!(app.app().memberships_of(7).unwrap().is_empty());
    // The next login succeeds and is there to stay; its id never meant anybody else.
    let next = admit(&app, "two", 7, &code).unwrap();
    assert!(next.member.id > admission.member.id);
    app.app().admission_confirm("two").unwrap();
    assert!(!app.app().admission_take_back("two").unwrap());
    assert_eq!(uses(&app, &code), (1, 1));
    assert!(app.app().admission_open_list(SignedDuration::ZERO).unwrap().is_empty());
}

#[test]
fn two_logins_of_one_person_share_one_use() {
    let app = TestApp::new();
    let code = invite(&app, 0).code;
    let first = admit(&app, "one", 7, &code).unwrap();
    let second = admit(&app, "two", 7, &code).unwrap();
    assert_eq!(first.member.id, second.member.id);
    assert!(app.app().admission_take_back("one").unwrap());
    assert_eq!(app.app().memberships_of(7).unwrap().len(), 1, "the other login still needs it");
    app.app().admission_confirm("two").unwrap();
    assert_eq!(uses(&app, &code), (1, 1));
    // From now on no invite is used, not even by a code that is spent or made up.
    for code in [code.as_str(), "ABCDEFGHIJ12"] {
        let admission = admit(&app, &format!("later {code}"), 7, code).unwrap();
        assert!(!admission.made);
    }
    assert_eq!(uses(&app, &code).0, 1);
}

#[test]
fn an_invite_brings_a_member_of_one_tenant_into_another() {
    let app = TestApp::builder().tenant("b").build();
    let other = app.tenant_named("b").id();
    admit(&app, "one", 7, &invite(&app, 1).code).unwrap();
    let new = NewInvite { role: Role::Admin, uses_limit: 1, expires_at: None, notes: Some("  ".to_owned()) };
    let admin = app.app().invite_create(other, &new, &Origin::operator()).unwrap();
    assert_eq!(admin.notes, None);
    let asked = with_code(&admin.code);
    let known = Admittance { telegram_id: Some(7), ..asked.clone() };
    assert_eq!(app.app().admission_check(&known).unwrap(), None);
    let admission = app.app().admit("two", profile(7), &asked).unwrap();
    assert_eq!((admission.member.tenant_id, admission.member.role), (other, Role::Admin));
    let chosen = Admittance { telegram_id: Some(7), tenant: Some(other), invite_code: None };
    assert_eq!(app.app().admission_check(&chosen).unwrap().unwrap().id, admission.member.id);
    assert_eq!(app.app().memberships_of(7).unwrap().len(), 2);
    // The other tenant's admin finds no such invite.
    assert_eq!(
        app.app().invite_get(&admin.code, Some(app.tenant().id())).unwrap_err().code().name(),
        "not_found"
    );
}

#[test]
fn registration_is_open_or_closed_as_configured() {
    let app = TestApp::builder().set("TGA__REGISTRATION__MODE", "open").build();
    let nothing = Admittance::default();
    let one = app.app().admit("one", profile(7), &nothing).unwrap();
    let two = app.app().admit("two", profile(8), &nothing).unwrap();
    assert_ne!(one.member.tenant_id, two.member.tenant_id);
    assert_eq!(one.member.role, Role::Admin);
    let tenant = app.app().tenant_get(&two.member.tenant_id.to_string()).unwrap();
    assert!(!tenant.row().name.contains("reader"), "{}", tenant.row().name);
    drop(tenant);
    assert!(app.app().admission_take_back("two").unwrap());
    assert_eq!(app.app().tenant_list().unwrap().len(), 2, "its tenant went with it");
    assert!(!app.data_dir().join("tenants").join(two.member.tenant_id.to_string()).exists());

    let app = TestApp::builder().set("TGA__REGISTRATION__MODE", "closed").build();
    assert_eq!(
        app.app().admit("one", profile(7), &nothing).unwrap_err().code().name(),
        "registration_closed"
    );
}

#[test]
fn what_happened_is_on_record() {
    let app = TestApp::builder().tenant("b").build();
    let code = invite(&app, 1).code;
    let member = admit(&app, "one", 7, &code).unwrap().member;
    let step = AuthStep {
        login_id: Some("one".to_owned()),
        telegram_id: Some(7),
        ip: Some("192.0.2.1".to_owned()),
        user_agent: Some("я".repeat(1000)),
        ..AuthStep::default()
    };
    app.app().auth_event(AuthEventKind::QrStarted, step.clone()).unwrap();
    let step = AuthStep { tenant_id: Some(member.tenant_id), membership_id: Some(member.id), ..step };
    app.app().auth_event(AuthEventKind::Authorized, step).unwrap();
    let of = |tenant| AuthEventFilter { tenant_id: Some(tenant), ..AuthEventFilter::default() };
    let (events, total) = app.app().auth_event_list(&of(member.tenant_id), 10, 0).unwrap();
    assert_eq!((events[0].event, events[0].user_id, total), (AuthEventKind::Authorized, Some(member.id), 1));
    assert_eq!(events[0].user_agent.as_ref().unwrap().chars().count(), 256);
    assert_eq!(app.app().auth_event_list(&AuthEventFilter::default(), 10, 0).unwrap().1, 2);
    assert_eq!(app.app().auth_event_list(&of(app.tenant_named("b").id()), 10, 0).unwrap().1, 0);

    app.app().invite_revoke(&code, None, &Origin::operator()).unwrap();
    let filter = AuditFilter { tenant_id: Some(member.tenant_id), ..AuditFilter::default() };
    let (lines, _) = app.app().audit_list(&filter, 10, 0).unwrap();
    let seen: Vec<_> =
        lines.iter().map(|line| (line.action, line.actor.as_str(), line.target.as_str())).collect();
    assert_eq!(
        seen[..2],
        [
            (AuditAction::InviteRevoked, "operator", code.as_str()),
            (AuditAction::InviteCreated, "operator", code.as_str())
        ]
    );
}
