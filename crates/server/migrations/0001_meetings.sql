-- Times are Unix times in milliseconds, UTC.
CREATE TABLE meetings (
    meeting_id    TEXT PRIMARY KEY NOT NULL,
    host_id       TEXT NOT NULL,
    title         TEXT NOT NULL,
    -- Argon2id in PHC form; NULL when the meeting has no passcode.
    passcode_hash TEXT,
    settings_json TEXT NOT NULL,
    start_time    INTEGER,
    created_at    INTEGER NOT NULL,
    ended_at      INTEGER
) STRICT, WITHOUT ROWID;

-- One row per stay. Rooms that were opened by a token alone have stays too,
-- so meeting_id need not be in the table above.
CREATE TABLE participants (
    id         TEXT PRIMARY KEY NOT NULL,
    meeting_id TEXT NOT NULL,
    user_id    TEXT NOT NULL,
    name       TEXT NOT NULL,
    joined_at  INTEGER NOT NULL,
    left_at    INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX participants_by_meeting ON participants (meeting_id, joined_at);
CREATE INDEX participants_open ON participants (id) WHERE left_at IS NULL;
