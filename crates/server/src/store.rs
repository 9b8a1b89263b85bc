//! What is kept on disk: meetings and attendance, in one SQLite file. Knows
//! nothing of rooms, sessions or HTTP.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use control::AttendanceChange;
use protocol::store::{Attendance, Meeting};
use sqlx::{
    Row, SqlitePool,
    migrate::{MigrateError, Migrator},
    sqlite::{
        SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteRow, SqliteSynchronous,
    },
};

static MIGRATIONS: Migrator = sqlx::migrate!("./migrations");

/// Readers see the last commit while the one writer works (WAL); more than a
/// few of them only wait for the disk.
const READERS: u32 = 4;

/// How long a request waits for its turn before it fails.
const PATIENCE: Duration = Duration::from_secs(5);

/// The store. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    /// One connection: SQLite has one writer, and waiting here is cheaper than
    /// finding the file locked.
    writer: SqlitePool,
    readers: SqlitePool,
}

/// The store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("the store does not answer: {0}")]
    Database(#[from] sqlx::Error),
    #[error("a meeting with this id exists")]
    Taken,
}

/// The store could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error(
        "the data folder {} cannot be written: {cause}. Choose another with --data, or make it writable for this user", path.display()
    )]
    Folder {
        path: PathBuf,
        cause: std::io::Error,
    },
    #[error(
        "the database {} cannot be opened: {cause}. Is the folder given with --data writable, and the file a SQLite database?", path.display()
    )]
    Database { path: PathBuf, cause: sqlx::Error },
    #[error(
        "the tables in {} cannot be brought up to date: {cause}. Was the file written by a newer version?", path.display()
    )]
    Migration { path: PathBuf, cause: MigrateError },
}

impl Store {
    /// Opens or creates `plenary.db` in `folder`, and the folder itself.
    ///
    /// # Errors
    ///
    /// [`OpenError`] names the file and the remedy.
    pub async fn open(folder: &Path) -> Result<Self, OpenError> {
        std::fs::create_dir_all(folder).map_err(|cause| OpenError::Folder {
            path: folder.to_owned(),
            cause,
        })?;
        let path = folder.join("plenary.db");
        let options = SqliteConnectOptions::new()
            .filename(&path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // With WAL the file stays sound; a power cut may lose the last moments.
            .synchronous(SqliteSynchronous::Normal)
            .busy_timeout(PATIENCE);
        let failed = |cause| OpenError::Database {
            path: path.clone(),
            cause,
        };
        let writer = pool(1)
            .connect_with(options.clone())
            .await
            .map_err(failed)?;
        MIGRATIONS
            .run(&writer)
            .await
            .map_err(|cause| OpenError::Migration {
                path: path.clone(),
                cause,
            })?;
        let readers = pool(READERS)
            .connect_with(options.create_if_missing(false).pragma("query_only", "ON"))
            .await
            .map_err(failed)?;
        Ok(Self { writer, readers })
    }

    /// # Errors
    ///
    /// [`StoreError::Taken`] when the id is in use.
    pub async fn create(&self, meeting: &Meeting) -> Result<(), StoreError> {
        let done = sqlx::query(
            "INSERT INTO meetings (meeting_id, host_id, title, passcode_hash, settings_json, \
             start_time, created_at, ended_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(&meeting.meeting_id)
        .bind(&meeting.host_id)
        .bind(&meeting.title)
        .bind(&meeting.passcode_hash)
        .bind(&meeting.settings_json)
        .bind(meeting.start_time)
        .bind(meeting.created_at)
        .bind(meeting.ended_at)
        .execute(&self.writer)
        .await;
        match done {
            Ok(_) => Ok(()),
            Err(sqlx::Error::Database(cause)) if cause.is_unique_violation() => {
                Err(StoreError::Taken)
            }
            Err(cause) => Err(cause.into()),
        }
    }

    /// # Errors
    ///
    /// When the store does not answer.
    pub async fn meeting(&self, id: &str) -> Result<Option<Meeting>, StoreError> {
        let row = sqlx::query("SELECT * FROM meetings WHERE meeting_id = ?")
            .bind(id)
            .fetch_optional(&self.readers)
            .await?;
        Ok(row.as_ref().map(meeting).transpose()?)
    }

    /// Marks the meeting as ended. The first end counts.
    ///
    /// # Errors
    ///
    /// When the store does not answer.
    pub async fn end(&self, id: &str, unix_ms: i64) -> Result<(), StoreError> {
        sqlx::query("UPDATE meetings SET ended_at = ? WHERE meeting_id = ? AND ended_at IS NULL")
            .bind(unix_ms)
            .bind(id)
            .execute(&self.writer)
            .await?;
        Ok(())
    }

    /// Writes the changes in their order, all or none.
    ///
    /// # Errors
    ///
    /// When the store does not answer.
    pub async fn attend(&self, changes: &[AttendanceChange]) -> Result<(), StoreError> {
        let mut transaction = self.writer.begin().await?;
        for change in changes {
            let query = match change {
                AttendanceChange::Joined(stay) => sqlx::query(
                    "INSERT INTO participants (id, meeting_id, user_id, name, joined_at, left_at) \
                     VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING",
                )
                .bind(&stay.id)
                .bind(&stay.meeting_id)
                .bind(&stay.user_id)
                .bind(&stay.name)
                .bind(stay.joined_at)
                .bind(stay.left_at),
                AttendanceChange::Left { id, left_at } => sqlx::query(
                    "UPDATE participants SET left_at = ? WHERE id = ? AND left_at IS NULL",
                )
                .bind(left_at)
                .bind(id),
            };
            query.execute(&mut *transaction).await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    /// Who was in the meeting, by the time of joining.
    ///
    /// # Errors
    ///
    /// When the store does not answer.
    pub async fn attendance(&self, meeting: &str) -> Result<Vec<Attendance>, StoreError> {
        let rows =
            sqlx::query("SELECT * FROM participants WHERE meeting_id = ? ORDER BY joined_at, id")
                .bind(meeting)
                .fetch_all(&self.readers)
                .await?;
        Ok(rows.iter().map(attendance).collect::<Result<_, _>>()?)
    }

    /// Closes the stays that a crash left open; their end is not known better
    /// than now. Returns how many there were.
    ///
    /// # Errors
    ///
    /// When the store does not answer.
    pub async fn close_stays(&self, unix_ms: i64) -> Result<u64, StoreError> {
        let done = sqlx::query(
            "UPDATE participants SET left_at = max(joined_at, ?) WHERE left_at IS NULL",
        )
        .bind(unix_ms)
        .execute(&self.writer)
        .await?;
        Ok(done.rows_affected())
    }

    /// Whether the store answers.
    ///
    /// # Errors
    ///
    /// When it does not.
    pub async fn check(&self) -> Result<(), StoreError> {
        sqlx::query("SELECT 1").execute(&self.readers).await?;
        Ok(())
    }

    /// Finishes what is begun and closes the file.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

fn pool(connections: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(PATIENCE)
        // A connection to a file does not go stale.
        .idle_timeout(None)
        .max_lifetime(None)
}

fn meeting(row: &SqliteRow) -> Result<Meeting, sqlx::Error> {
    Ok(Meeting {
        meeting_id: row.try_get("meeting_id")?,
        host_id: row.try_get("host_id")?,
        title: row.try_get("title")?,
        passcode_hash: row.try_get("passcode_hash")?,
        settings_json: row.try_get("settings_json")?,
        created_at: row.try_get("created_at")?,
        start_time: row.try_get("start_time")?,
        ended_at: row.try_get("ended_at")?,
    })
}

fn attendance(row: &SqliteRow) -> Result<Attendance, sqlx::Error> {
    Ok(Attendance {
        id: row.try_get("id")?,
        meeting_id: row.try_get("meeting_id")?,
        user_id: row.try_get("user_id")?,
        name: row.try_get("name")?,
        joined_at: row.try_get("joined_at")?,
        left_at: row.try_get("left_at")?,
    })
}
