//! Members: roles and tiers under optimistic versions, the last admin, questions a day, their history.

use jiff::{SignedDuration, tz::TimeZone};
use tga::{
    app::{Error, admissions::Admittance, ask::AskRequest, audit::Origin, invites::NewInvite},
    model::{AuditAction, ChannelSet, Role, Tier},
    store::{AuditFilter, Member, MemberFilter, MemberUpdate, Profile},
};

use crate::support::{TestApp, line};

/// Lets somebody in by an invite of their own.
fn member(app: &TestApp, tenant: &str, telegram_id: i64, role: Role, name: &str) -> Member {
    let tenant = app.tenant_named(tenant).id();
    let new = NewInvite { role, uses_limit: 1, expires_at: None, notes: None };
    let code = app.app().invite_create(tenant, &new, &Origin::operator()).unwrap().code;
    let profile = Profile {
        telegram_id,
        username: None,
        first_name: Some(name.to_owned()),
        last_name: None,
        language: None,
    };
    let login = format!("login of {telegram_id} to {tenant}");
    let asked = Admittance { invite_code: Some(code), ..Admittance::default() };
    let admission = app.app().admit(&login, profile, &asked).unwrap();
    app.app().admission_confirm(&login).unwrap();
    admission.member
}

fn update(app: &TestApp, member: &Member, update: MemberUpdate, version: Option<i64>) -> Result<i64, Error> {
    let changed =
        app.app().member_update(member.tenant_id, member.id, update, version, &Origin::operator())?;
    Ok(changed.version)
}

#[test]
fn a_stale_version_changes_nothing() {
    let app = TestApp::builder().tenant("b").build();
    let anna = member(&app, "main", 7, Role::User, "Анна");
    let basic = MemberUpdate::Tier(Tier::Basic);
    assert_eq!(update(&app, &anna, basic, Some(1)).unwrap(), 2);
    let stale = update(&app, &anna, MemberUpdate::Tier(Tier::Free), Some(1)).unwrap_err();
    assert_eq!(stale.code().name(), "conflict");
    assert!(stale.to_string().contains("version 2"), "{stale}");
    assert_eq!(app.app().member_get(anna.tenant_id, anna.id).unwrap().tier, Tier::Basic);
    // Somebody of another tenant is nobody here.
    let elsewhere = app.tenant_named("b").id();
    let foreign = app.app().member_update(elsewhere, anna.id, basic, None, &Origin::operator());
    assert_eq!(foreign.unwrap_err().code().name(), "not_found");
    let filter = AuditFilter { action: Some(AuditAction::TierChanged), ..AuditFilter::default() };
    let (lines, total) = app.app().audit_list(&filter, 10, 0).unwrap();
    assert_eq!(total, 1, "what was refused is no act: {lines:?}");
    assert_eq!(lines[0].target, format!("user:{}", anna.id));
    assert_eq!(lines[0].data.as_ref().unwrap()["to"], "basic");
}

#[test]
fn the_last_admin_stays_one() {
    let app = TestApp::new();
    let anna = member(&app, "main", 7, Role::Admin, "Анна");
    let boris = member(&app, "main", 8, Role::Admin, "Борис");
    // Both step down at once: one of them may not.
    let outcomes: Vec<bool> = std::thread::scope(|scope| {
        let app = &app;
        let both = [&anna, &boris].map(|member| {
            scope.spawn(move || update(app, member, MemberUpdate::Role(Role::User), None).is_ok())
        });
        both.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert_eq!(outcomes.iter().filter(|stepped_down| **stepped_down).count(), 1);
    let admins = MemberFilter { role: Some(Role::Admin), ..MemberFilter::default() };
    assert_eq!(app.app().member_list(anna.tenant_id, &admins, 10, 0).unwrap().1, 1);
}

#[test]
fn members_are_found_by_a_part_of_a_name_without_case() {
    let app = TestApp::new();
    let anna = member(&app, "main", 7, Role::User, "Алёна");
    member(&app, "main", 8, Role::User, "Борис");
    let find = |words: &str| {
        let filter = MemberFilter { search: Some(words.to_owned()), ..MemberFilter::default() };
        let (found, total) = app.app().member_list(anna.tenant_id, &filter, 10, 0).unwrap();
        assert_eq!(found.len() as u64, total);
        found.into_iter().map(|member| member.id).collect::<Vec<_>>()
    };
    assert_eq!(find("АЛЕН"), [anna.id]);
    assert_eq!(find("%"), []);
    assert_eq!(find("").len(), 2);
}

#[test]
fn a_tier_allows_so_many_questions_a_day_and_shows_how_many() {
    let mut app = TestApp::builder()
        .set("TGA__TIERS__FREE__QUESTIONS_PER_DAY", "3")
        .set("TGA__TIERS__BASIC__QUESTIONS_PER_DAY", "4")
        .build();
    app.index_jsonl(&[line("news", 1, "Нацбанк снизил ключевую ставку до 13,75 процента в пятницу")]);
    let anna = member(&app, "main", 7, Role::User, "Анна");
    let tenant = app.tenant();
    let ask = |member: Option<&Member>, query: &str| {
        let request = AskRequest { query: query.to_owned(), ..AskRequest::default() };
        app.app().ask_as(&tenant, &ChannelSet::All, member, &request, &TimeZone::UTC)
    };
    let used = |member: &Member| app.app().subscription_view(&tenant, member).unwrap();
    assert_eq!(ask(Some(&anna), "  ").unwrap_err().code().name(), "invalid_request");
    assert_eq!(used(&anna).rag_queries_used, 0, "what was not answered is not counted");
    // Ten at once: three are answered.
    let answered = std::thread::scope(|scope| {
        let ask = &ask;
        let anna = &anna;
        let asked: Vec<_> =
            (0..10).map(|_| scope.spawn(move || ask(Some(anna), "Какая ставка?").is_ok())).collect();
        asked.into_iter().map(|one| one.join().unwrap()).filter(|ok| *ok).count()
    });
    assert_eq!(answered, 3);
    let view = used(&anna);
    assert_eq!((view.rag_queries_used, view.rag_queries_limit), (3, 3));
    assert_eq!(view.rag_queries_reset_at, "2026-11-22T00:00:00Z");
    let refused = ask(Some(&anna), "Какая ставка?").unwrap_err();
    assert_eq!(refused.code().name(), "tier_limit_exceeded");
    assert!(refused.to_string().contains("free"), "{refused}");
    // Others, tokens, a higher tier, the next day.
    let boris = member(&app, "main", 8, Role::User, "Борис");
    ask(Some(&boris), "Какая ставка?").unwrap();
    ask(None, "Какая ставка?").unwrap();
    update(&app, &anna, MemberUpdate::Tier(Tier::Basic), None).unwrap();
    let raised = app.app().member_get(anna.tenant_id, anna.id).unwrap();
    ask(Some(&raised), "Какая ставка?").unwrap();
    app.advance(SignedDuration::from_hours(12));
    ask(Some(&anna), "А сегодня?").unwrap();
    assert_eq!(used(&anna).rag_queries_used, 1);
    // Everybody has their own history.
    let (mine, total) = app.app().history_list(&tenant, Some(anna.id), 2, 0).unwrap();
    assert_eq!((mine.len(), total), (2, 5));
    assert_eq!(mine[0].query, "А сегодня?");
    assert!(mine[1].result["answer"].as_str().unwrap().contains("13,75"), "{}", mine[1].result);
    assert_eq!(app.app().history_list(&tenant, Some(boris.id), 10, 0).unwrap().1, 1);
    assert_eq!(app.app().history_list(&tenant, None, 10, 0).unwrap().1, 1);
}
