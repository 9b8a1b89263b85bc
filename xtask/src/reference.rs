//! `cargo xtask reference`: writes `docs/api.md` from the OpenAPI document of
//! the release binary. The test run compares.

use std::{fmt::Write as _, fs, process::Command};

use anyhow::{Context as _, Result, bail};
use serde_json::{Map, Value};

use crate::workspace::Workspace;

const PATH: &str = "docs/api.md";

pub(crate) fn write(workspace: &Workspace) -> Result<()> {
    fs::write(workspace.root.join(PATH), page(workspace)?).context(PATH)
}

/// Fails when the page is not what the binary says of itself.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let kept = fs::read_to_string(workspace.root.join(PATH)).unwrap_or_default();
    if kept == page(workspace)? {
        Ok(())
    } else {
        bail!(
            "{PATH} does not tell what the server does: write it anew with `cargo xtask reference`"
        )
    }
}

fn page(workspace: &Workspace) -> Result<String> {
    let output = Command::new(workspace.binary())
        .arg("openapi")
        .output()
        .context("`plenary openapi`; `cargo xtask test --only release-build` makes the binary")?;
    let document: Value =
        serde_json::from_slice(&output.stdout).context("`plenary openapi` printed no JSON")?;
    render(&document).context("the OpenAPI document has another form than expected")
}

/// The whole page; `None` when a part that must be there is missing.
fn render(document: &Value) -> Option<String> {
    let mut page = String::from("# REST API\n\n");
    let about = document.pointer("/info/description")?.as_str()?;
    let _ = write!(
        page,
        "{about}\n\nThis page is made by `cargo xtask reference` from the OpenAPI document, which a running server has at \
         `/api/v1/openapi.json` and `plenary openapi` prints. Bodies are JSON. Errors are problem documents (RFC 9457); \
         the words behind a status below are the ends of their `type`, `urn:plenary:problem:…`.\n"
    );
    for (path, methods) in document.get("paths")?.as_object()? {
        for (method, operation) in methods.as_object()? {
            operation_section(&mut page, &method.to_uppercase(), path, operation)?;
        }
    }
    page.push_str("\n## Objects\n");
    for (name, schema) in document.pointer("/components/schemas")?.as_object()? {
        object_section(&mut page, name, schema)?;
    }
    Some(page)
}

fn operation_section(page: &mut String, method: &str, path: &str, operation: &Value) -> Option<()> {
    let summary = operation.get("summary")?.as_str()?;
    let _ = write!(page, "\n## `{method} {path}`\n\n{summary}");
    if operation.get("security").is_some() {
        page.push_str(" Needs a token: `Authorization: Bearer …`.");
    }
    if let Some(body) = operation.pointer("/requestBody/content") {
        let _ = write!(page, " Takes {}.", content(body)?);
    }
    page.push_str("\n\n| status | answer |\n| --- | --- |\n");
    for (status, response) in operation.get("responses")?.as_object()? {
        let about = response.get("description").and_then(Value::as_str);
        let what = match about.filter(|text| !text.is_empty()) {
            Some(problems) => problems.to_owned(),
            None => response
                .get("content")
                .map_or(Some(String::new()), content)?,
        };
        let _ = writeln!(page, "| {status} | {what} |");
    }
    Some(())
}

/// A link to the object that a body is.
fn content(content: &Value) -> Option<String> {
    let (_, body) = content.as_object()?.iter().next()?;
    Some(kind(body.get("schema")?))
}

fn object_section(page: &mut String, name: &str, schema: &Value) -> Option<()> {
    let about = schema.get("description").and_then(Value::as_str);
    let _ = write!(page, "\n### {name}\n\n{}\n\n", about.unwrap_or_default());
    let none = Map::new();
    let required: Vec<&str> = schema
        .get("required")
        .and_then(Value::as_array)
        .map(|names| names.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default();
    page.push_str("| field | type | |\n| --- | --- | --- |\n");
    let properties = schema.get("properties").and_then(Value::as_object);
    for (field, property) in properties.unwrap_or(&none) {
        let about = property.get("description").and_then(Value::as_str);
        let mut about = about.unwrap_or_default().replace('\n', " ");
        if let Some(example) = property.get("example").and_then(Value::as_str) {
            let _ = write!(
                about,
                "{}Like `{example}`.",
                if about.is_empty() { "" } else { " " }
            );
        }
        let optional = if required.contains(&field.as_str()) {
            ""
        } else {
            ", optional"
        };
        let _ = writeln!(
            page,
            "| `{field}` | {}{optional} | {about} |",
            kind(property)
        );
    }
    Some(())
}

/// A type in words: a link to an object, or what JSON Schema calls it.
fn kind(schema: &Value) -> String {
    if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
        let name = reference.rsplit('/').next().unwrap_or(reference);
        return format!("[{name}](#{})", name.to_lowercase());
    }
    let name = match schema.get("type") {
        Some(Value::String(name)) => name.clone(),
        Some(Value::Array(names)) => names
            .iter()
            .filter_map(Value::as_str)
            .filter(|name| *name != "null")
            .collect::<Vec<_>>()
            .join(" or "),
        _ => "any".to_owned(),
    };
    match (
        name.as_str(),
        schema.get("items"),
        schema.get("format").and_then(Value::as_str),
    ) {
        ("array", Some(items), _) => format!("array of {}", kind(items)),
        ("string", None, Some("date-time")) => "string, RFC 3339 time".to_owned(),
        _ => name,
    }
}
