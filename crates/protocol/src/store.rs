//! What is kept: meetings and who took part in them.
//!
//! Times are Unix times in milliseconds, UTC.

/// The durable record of a meeting. Its live gathering is a *room*, whose
/// name is the meeting's id.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Meeting {
    /// Like `abc-defg-hij`.
    pub meeting_id: String,
    /// Identity of whoever holds the host token.
    pub host_id: String,
    pub title: String,
    /// Argon2id in PHC form; `None` when the meeting has no passcode.
    pub passcode_hash: Option<String>,
    /// The settings as they were given, a JSON object.
    pub settings_json: String,
    pub created_at: i64,
    /// When it is planned to begin.
    pub start_time: Option<i64>,
    /// Set when the host ended it for all; nobody can join after.
    pub ended_at: Option<i64>,
}

/// One stay of one participant.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Attendance {
    /// Unique: the participant's `PA_…` id.
    pub id: String,
    pub meeting_id: String,
    /// The participant's identity.
    pub user_id: String,
    pub name: String,
    pub joined_at: i64,
    pub left_at: Option<i64>,
}
