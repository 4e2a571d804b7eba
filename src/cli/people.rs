//! `tga invite` and `tga user`: arguments, the commands they send, the words they answer with.
//!
//! The invites' words, JSON and exit codes are those of the tool that came before (its scripts read them): failures stand on
//! stdout and exit with 1, and so does naming no subcommand.

use std::fmt::Write as _;

use clap::{Args, Subcommand};
use jiff::Timestamp;
use serde_json::Value;

use super::{leaf::Show, output::table_of};
use crate::{
    app::{
        Error, ErrorCode,
        command::{Command, InviteOptions, MembersCommand},
    },
    model::{InviteStatus, MembershipId, Role, Tier},
};

#[derive(Debug, Args)]
pub(super) struct InviteGroup {
    #[command(subcommand)]
    pub(super) command: Option<InviteCommand>,
}

#[derive(Debug, Subcommand)]
pub(super) enum InviteCommand {
    /// Make an invite code
    Create {
        /// Id or slug of the tenant
        #[arg(long)]
        tenant: String,
        #[arg(long, default_value = "user", value_parser = ["user", "admin"])]
        role: String,
        /// How many people it lets in; 0: any number
        #[arg(long, default_value_t = 1)]
        limit: u32,
        /// Until when (2026-12-31T23:59:59Z)
        #[arg(long, value_name = "ISO8601")]
        expires: Option<String>,
        #[arg(long)]
        notes: Option<String>,
    },
    /// Make a code worthless; who came in by it stays
    Revoke {
        #[arg(long)]
        code: String,
    },
    /// Codes, newest first
    List {
        #[arg(long)]
        tenant: Option<String>,
        #[arg(long, value_parser = ["active", "revoked", "expired", "exhausted"])]
        status: Option<String>,
        #[arg(long, default_value_t = 50)]
        limit: usize,
    },
    /// One code
    Get {
        #[arg(long)]
        code: String,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum UserCommand {
    /// Members of a tenant, newest first
    List {
        #[arg(long)]
        tenant: String,
        #[arg(long, value_parser = ["user", "admin"])]
        role: Option<String>,
        #[arg(long)]
        tier: Option<String>,
        /// A part of a name
        #[arg(long)]
        search: Option<String>,
        #[arg(long, default_value_t = 50)]
        limit: usize,
    },
    /// One member
    Show { id: i64 },
    /// Erase a member with everything that is kept of them
    Delete {
        id: i64,
        /// Really
        #[arg(long)]
        yes: bool,
    },
    /// Make a member user or admin; the last admin of a tenant stays one
    SetRole {
        id: i64,
        #[arg(value_parser = ["user", "admin"])]
        role: String,
        /// Only if the member is still at this version
        #[arg(long)]
        version: Option<i64>,
    },
    /// Change how much a member may use: free, basic, premium, pro, enterprise
    SetTier {
        id: i64,
        tier: String,
        /// Only if the member is still at this version
        #[arg(long)]
        version: Option<i64>,
    },
}

pub(super) fn invite_command(command: InviteCommand) -> Result<(Command, Show), Error> {
    Ok(match command {
        InviteCommand::Create { tenant, role, limit, expires, notes } => {
            let expires_at = expires.as_deref().map(expiry).transpose()?;
            let role = Role::parse(&role).unwrap_or(Role::User);
            let options = InviteOptions { role, uses_limit: limit, expires_at, notes };
            (Command::Members(MembersCommand::InviteCreate { tenant, options }), created)
        }
        InviteCommand::Revoke { code } => {
            (Command::Members(MembersCommand::InviteRevoke { code }), |answer| {
                format!("✅ Инвайт-код отозван: {}", word(&answer["code"]))
            })
        }
        InviteCommand::List { tenant, status, limit } => {
            let status = status.as_deref().and_then(InviteStatus::parse);
            (Command::Members(MembersCommand::InviteList { tenant, status, limit }), listed)
        }
        InviteCommand::Get { code } => (Command::Members(MembersCommand::InviteGet { code }), shown),
    })
}

/// A failed invite command in the words of the old tool.
pub(super) fn invite_failed(command: &InviteName, error: &Error) -> String {
    let code = error.code();
    match command {
        InviteName::OfCode(name) if code == ErrorCode::NotFound => {
            format!("❌ Инвайт-код не найден: {name}")
        }
        InviteName::OfCode(name) if code == ErrorCode::Conflict => {
            format!("❌ Инвайт-код уже отозван: {name}")
        }
        InviteName::OfTenant(name) if code == ErrorCode::NotFound => {
            format!("❌ Тенант не найден: {name}")
        }
        InviteName::OfCode(_) | InviteName::OfTenant(_) | InviteName::None => {
            if code == ErrorCode::InvalidRequest {
                format!("❌ {error}")
            } else if matches!(error, Error::Store(_) | Error::Io { .. } | Error::InUse { .. }) {
                format!("❌ Ошибка подключения к БД: {error}")
            } else {
                format!("❌ Неожиданная ошибка: {error}")
            }
        }
    }
}

/// What an invite command named, for the words of its failure.
#[derive(Debug)]
pub(super) enum InviteName {
    OfCode(String),
    OfTenant(String),
    None,
}

impl InviteName {
    pub(super) fn of(command: &InviteCommand) -> Self {
        match command {
            InviteCommand::Revoke { code } | InviteCommand::Get { code } => InviteName::OfCode(code.clone()),
            InviteCommand::Create { tenant, .. } | InviteCommand::List { tenant: Some(tenant), .. } => {
                InviteName::OfTenant(tenant.clone())
            }
            InviteCommand::List { tenant: None, .. } => InviteName::None,
        }
    }
}

fn expiry(text: &str) -> Result<Timestamp, Error> {
    text.parse().map_err(|_| {
        Error::Invalid(format!("Неверный формат даты: {text}. Используйте ISO формат (2025-12-31T23:59:59Z)"))
    })
}

pub(super) fn user_command(command: UserCommand) -> Result<(Command, Show), Error> {
    let tier_named = |name: &str| {
        Tier::parse(name).ok_or_else(|| {
            let names = Tier::ALL.map(Tier::name).join(", ");
            Error::Invalid(format!("no tier is named {name}; choose from {names}"))
        })
    };
    Ok(match command {
        UserCommand::List { tenant, role, tier, search, limit } => {
            let role = role.as_deref().and_then(Role::parse);
            let tier = tier.as_deref().map(tier_named).transpose()?;
            (Command::Members(MembersCommand::UserList { tenant, role, tier, search, limit }), |answer| {
                let columns = [
                    "id",
                    "telegram_id",
                    "username",
                    "first_name",
                    "role",
                    "tier",
                    "version",
                    "last_active_at",
                ];
                table_of(answer, "users", &columns, "no users; `tga invite create` lets some in")
            })
        }
        UserCommand::Show { id } => {
            (Command::Members(MembersCommand::UserShow { id: MembershipId(id) }), super::output::plain)
        }
        UserCommand::Delete { id, yes: true } => {
            (Command::Members(MembersCommand::UserDelete { id: MembershipId(id) }), super::output::plain)
        }
        UserCommand::Delete { id, yes: false } => {
            return Err(Error::Invalid(format!(
                "deleting user {id} removes all that is kept of them for good; add --yes if you mean it"
            )));
        }
        UserCommand::SetRole { id, role, version } => {
            let role = Role::parse(&role).unwrap_or(Role::User);
            (
                Command::Members(MembersCommand::UserSetRole { id: MembershipId(id), role, version }),
                |answer| format!("user {} is {} now", answer["id"], word(&answer["role"])),
            )
        }
        UserCommand::SetTier { id, tier, version } => {
            let tier = tier_named(&tier)?;
            (
                Command::Members(MembersCommand::UserSetTier { id: MembershipId(id), tier, version }),
                |answer| format!("user {} has tier {} now", answer["id"], word(&answer["tier"])),
            )
        }
    })
}

fn word(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn moment_or<'a>(value: &'a Value, nothing: &'a str) -> &'a str {
    value.as_str().unwrap_or(nothing)
}

/// A limit as people read it; none is ∞.
fn limit(value: &Value) -> String {
    if value == 0 { "∞".to_owned() } else { value.to_string() }
}

fn created(answer: &Value) -> String {
    let mut out = "✅ Инвайт-код создан:\n".to_owned();
    head(answer, &mut out);
    let uses = if answer["uses_limit"] == 0 {
        "безлимит".to_owned()
    } else {
        answer["uses_limit"].to_string()
    };
    let _ = writeln!(out, "   Лимит: {uses}");
    let _ = writeln!(out, "   Истекает: {}", moment_or(&answer["expires_at"], "Никогда"));
    notes(answer, &mut out);
    out
}

fn shown(answer: &Value) -> String {
    let mut out = "📋 Информация об инвайт-коде:\n".to_owned();
    head(answer, &mut out);
    let _ = writeln!(out, "   Использовано: {}/{}", answer["uses_count"], limit(&answer["uses_limit"]));
    let _ = writeln!(out, "   Активен: {}", if answer["active"] == true { "Да" } else { "Нет" });
    let _ = writeln!(out, "   Истекает: {}", moment_or(&answer["expires_at"], "Никогда"));
    let _ = writeln!(out, "   Создан: {}", moment_or(&answer["created_at"], "-"));
    let _ = writeln!(out, "   Последнее использование: {}", moment_or(&answer["last_used_at"], "Никогда"));
    notes(answer, &mut out);
    out
}

fn head(answer: &Value, out: &mut String) {
    let _ = writeln!(out, "   Код: {}", word(&answer["code"]));
    let _ = writeln!(out, "   Tenant: {}", word(&answer["tenant_id"]));
    let _ = writeln!(out, "   Роль: {}", word(&answer["role"]));
}

fn notes(answer: &Value, out: &mut String) {
    if let Some(notes) = answer["notes"].as_str() {
        let _ = writeln!(out, "   Заметки: {notes}");
    }
}

fn listed(answer: &Value) -> String {
    let invites = answer["invites"].as_array().map(Vec::as_slice).unwrap_or_default();
    if invites.is_empty() {
        return "📋 Инвайт-коды не найдены".to_owned();
    }
    let lines: Vec<Vec<String>> = invites
        .iter()
        .map(|invite| {
            let tenant: String = word(&invite["tenant_id"]).chars().take(8).collect();
            let day = |name: &str| moment_or(&invite[name], "∞").get(..10).unwrap_or("∞").to_owned();
            vec![
                word(&invite["code"]),
                format!("{tenant}..."),
                word(&invite["role"]),
                format!("{}/{}", invite["uses_count"], limit(&invite["uses_limit"])),
                if invite["active"] == true { "✅" } else { "❌" }.to_owned(),
                day("expires_at"),
                day("created_at"),
            ]
        })
        .collect();
    let columns = ["Код", "Tenant", "Роль", "Использовано", "Активен", "Истекает", "Создан"];
    format!("📋 Найдено инвайт-кодов: {}\n\n{}", answer["total"], super::output::table(&columns, &lines))
}
