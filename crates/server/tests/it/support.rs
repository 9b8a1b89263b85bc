//! A fresh server for a test, and the words to talk to it.

use std::{net::SocketAddr, path::Path};

use futures_util::{SinkExt, StreamExt};
use livekit_protocol as proto;
use prost::Message as _;
use protocol::grants::Role;
use serde_json::{Value, json};
use server::{
    clock,
    node::Node,
    settings::{Keys, Layer, Settings},
    token::Claims,
};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Error, Message},
};

/// A running server with its folder.
pub(crate) struct Fresh {
    pub(crate) node: Node,
    pub(crate) folder: TempDir,
    pub(crate) client: reqwest::Client,
}

/// Settings on free ports of this machine.
pub(crate) fn settings(folder: &Path) -> Settings {
    let flags = Layer {
        http: Some(SocketAddr::from(([127, 0, 0, 1], 0))),
        rtc: Some(SocketAddr::from(([127, 0, 0, 1], 0))),
        data: Some(folder.join("data")),
        shards: Some(2.try_into().unwrap()),
        ..Layer::default()
    };
    Settings::load(None, &|_| None, flags).unwrap()
}

/// An HTTP answer, read.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("not JSON: {self:?}"))
    }

    /// The name of the problem, after checking that it is a whole document.
    pub(crate) fn problem(&self) -> String {
        assert_eq!(
            self.headers["content-type"], "application/problem+json",
            "{self:?}"
        );
        let document = self.json();
        assert_eq!(document["status"], self.status);
        assert!(!document["title"].as_str().unwrap().is_empty());
        assert!(!document["detail"].as_str().unwrap().is_empty());
        let kind = document["type"].as_str().unwrap();
        kind.strip_prefix("urn:plenary:problem:")
            .unwrap()
            .to_owned()
    }
}

impl Fresh {
    pub(crate) async fn start() -> Self {
        Self::start_in(tempfile::tempdir().unwrap()).await
    }

    pub(crate) async fn start_in(folder: TempDir) -> Self {
        let settings = settings(folder.path());
        Self::start_with(folder, settings).await
    }

    pub(crate) async fn start_with(folder: TempDir, settings: Settings) -> Self {
        let node = Node::start(settings).await.unwrap();
        Self {
            node,
            folder,
            client: reqwest::Client::builder().no_proxy().build().unwrap(),
        }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.node.http)
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        read(self.client.get(self.url(path))).await
    }

    pub(crate) async fn get_as(&self, path: &str, token: &str) -> Answer {
        read(self.client.get(self.url(path)).bearer_auth(token)).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        read(self.client.post(self.url(path)).json(body)).await
    }

    pub(crate) async fn post_as(&self, path: &str, token: &str) -> Answer {
        read(self.client.post(self.url(path)).bearer_auth(token)).await
    }

    /// A new meeting: its id and its host token.
    pub(crate) async fn meeting(&self, body: Value) -> (String, String) {
        let answer = self.post("/api/v1/meetings", &body).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        let made = answer.json();
        let text = |key: &str| made[key].as_str().unwrap().to_owned();
        (text("id"), text("host_token"))
    }

    /// Joins by REST; the token.
    pub(crate) async fn join(&self, id: &str, name: &str) -> String {
        let answer = self
            .post(
                &format!("/api/v1/meetings/{id}/join"),
                &json!({"name": name}),
            )
            .await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()["token"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn dial(&self, token: &str) -> Result<Signal, Error> {
        self.dial_query(&format!(
            "access_token={token}&join_request={}",
            join_request()
        ))
        .await
    }

    pub(crate) async fn dial_query(&self, query: &str) -> Result<Signal, Error> {
        self.dial_path("/rtc/v1", query).await
    }

    pub(crate) async fn dial_path(&self, path: &str, query: &str) -> Result<Signal, Error> {
        let url = format!("ws://{}{path}?{query}", self.node.http);
        connect_async(url)
            .await
            .map(|(socket, _)| Signal { socket })
    }

    /// The metric's value, summed over its labels.
    pub(crate) async fn metric(&self, name: &str) -> f64 {
        let text = self.get("/metrics").await.text;
        text.lines()
            .filter(|line| {
                line.strip_prefix(name)
                    .is_some_and(|rest| rest.starts_with([' ', '{']))
            })
            .map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap())
            .sum()
    }
}

pub(crate) async fn read(request: reqwest::RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    Answer {
        status: response.status().as_u16(),
        headers: response.headers().clone(),
        text: response.text().await.unwrap(),
    }
}

/// A token of dev mode's key.
pub(crate) fn token(room: &str, identity: &str) -> String {
    let claims = Claims::join(room, identity, identity, Role::Participant);
    claims.sign(&Keys::dev(), clock::unix_s(), 60).unwrap()
}

/// What a client without media says when it joins.
pub(crate) fn join_request() -> String {
    use base64::{Engine, prelude::BASE64_URL_SAFE};
    let inner = proto::JoinRequest {
        client_info: Some(proto::ClientInfo {
            protocol: 17,
            ..Default::default()
        }),
        connection_settings: Some(proto::ConnectionSettings {
            auto_subscribe: true,
            ..Default::default()
        }),
        ..Default::default()
    };
    let outer = proto::WrappedJoinRequest {
        join_request: inner.encode_to_vec(),
        ..Default::default()
    };
    // Padding is `=`, which a query has to escape.
    BASE64_URL_SAFE
        .encode(outer.encode_to_vec())
        .replace('=', "%3D")
}

/// A signalling connection.
pub(crate) struct Signal {
    pub(crate) socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

pub(crate) type Said = proto::signal_response::Message;

impl Signal {
    /// The next message of the server; `None` once it has closed.
    pub(crate) async fn next(&mut self) -> Option<Said> {
        loop {
            let wait = std::time::Duration::from_secs(20);
            match tokio::time::timeout(wait, self.socket.next())
                .await
                .expect("silence")?
            {
                Ok(Message::Binary(bytes)) => {
                    return Some(
                        proto::SignalResponse::decode(bytes)
                            .unwrap()
                            .message
                            .unwrap(),
                    );
                }
                Ok(Message::Close(_)) | Err(_) => return None,
                Ok(_) => {}
            }
        }
    }

    /// Reads on until `wanted` finds something.
    pub(crate) async fn until<T>(&mut self, wanted: impl Fn(Said) -> Option<T>) -> T {
        loop {
            let said = self.next().await.expect("closed too early");
            if let Some(found) = wanted(said) {
                return found;
            }
        }
    }

    /// Reads on until the server closes; the code and the reason.
    pub(crate) async fn end(&mut self) -> Option<(u16, String)> {
        loop {
            let wait = std::time::Duration::from_secs(20);
            match tokio::time::timeout(wait, self.socket.next())
                .await
                .expect("not closed")
            {
                Some(Ok(Message::Close(Some(frame)))) => {
                    return Some((frame.code.into(), frame.reason.as_str().to_owned()));
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return None,
            }
        }
    }

    pub(crate) async fn send(&mut self, message: proto::signal_request::Message) {
        let request = proto::SignalRequest {
            message: Some(message),
        };
        self.socket
            .send(Message::binary(request.encode_to_vec()))
            .await
            .unwrap();
    }
}

/// Status and text of a refused upgrade.
pub(crate) fn refusal(result: Result<Signal, Error>, wanted: &str) -> (u16, String) {
    match result {
        Err(Error::Http(response)) => {
            let text = response.body().clone().unwrap_or_default();
            (response.status().as_u16(), String::from_utf8(text).unwrap())
        }
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("was let in: {wanted}"),
    }
}
