//! Writes our descriptions (RFC 8829 §5.2, §5.3): ICE-lite, DTLS server, one bundle.

use std::{borrow::Borrow, fmt::Write};

use protocol::media::{Codec, Format, IceCredentials, PlaneFacts};

use super::{
    codec::{OfferedCodec, OpusStyle},
    section::{Extension, Medium, Section},
};

/// The port of data channels inside DTLS (RFC 8841 §5.1 has it as an example,
/// everyone uses it).
const SCTP_PORT: u16 = 5_000;

/// What we say to one section.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Reply {
    /// We take in what the client sends, in these codecs, best first.
    Receive { formats: Vec<Format> },
    /// We send a track.
    Send(Sending),
    /// Nothing flows, but the section stays and can be used again.
    Inactive,
    /// Data channels.
    Data,
    /// The section is dead (port 0).
    Reject,
}

impl Reply {
    /// A section without a codec in common has no lawful answer but this.
    fn rejects(&self, section: &Section) -> bool {
        match self {
            Self::Receive { .. } | Self::Send(_) | Self::Inactive => section.codecs.is_empty(),
            Self::Data => false,
            Self::Reject => true,
        }
    }
}

/// A track on its way to the client.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Sending {
    pub(crate) formats: Vec<Format>,
    /// `a=msid` stream: what is in the same stream is played in step.
    pub(crate) stream: String,
    pub(crate) track: String,
    pub(crate) cname: String,
    pub(crate) ssrc: u32,
    pub(crate) rtx_ssrc: Option<u32>,
}

/// Who begins the DTLS handshake.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Setup {
    /// In answers: we wait for the client.
    Passive,
    /// In offers: the client may choose (RFC 8842 §5.2 demands it, and
    /// libwebrtc refuses anything else in a first offer). Clients choose to
    /// begin (RFC 8829 §5.3.1); we refuse an answer that does not.
    ActPass,
}

impl Setup {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Passive => "passive",
            Self::ActPass => "actpass",
        }
    }
}

/// Everything that goes into a description besides the sections.
#[derive(Debug)]
pub(crate) struct Description<'a> {
    pub(crate) plane: &'a PlaneFacts,
    pub(crate) ice: &'a IceCredentials,
    /// Stays the same for one peer (RFC 8866 §5.2)…
    pub(crate) origin: u64,
    /// …while this grows with each description.
    pub(crate) version: u64,
    pub(crate) setup: Setup,
    pub(crate) opus: OpusStyle,
}

impl Description<'_> {
    /// One reply for each section, in their order.
    pub(crate) fn write<S: Borrow<Section>>(&self, sections: &[(S, Reply)]) -> String {
        let mut text = String::with_capacity(512 + sections.len() * 1_024);
        // Writing to a string can't fail.
        let _ = self.try_write(&mut text, sections);
        text
    }

    fn try_write<S: Borrow<Section>>(
        &self,
        out: &mut String,
        sections: &[(S, Reply)],
    ) -> std::fmt::Result {
        write!(
            out,
            "v=0\r\no=- {} {} IN IP4 127.0.0.1\r\n",
            self.origin, self.version
        )?;
        out.push_str("s=-\r\nt=0 0\r\na=ice-lite\r\na=group:BUNDLE");
        for (section, _) in sections
            .iter()
            .filter(|(section, reply)| !reply.rejects(section.borrow()))
        {
            write!(out, " {}", section.borrow().mid)?;
        }
        out.push_str("\r\na=msid-semantic: WMS *\r\n");
        let mut first = true;
        for (section, reply) in sections {
            let section = section.borrow();
            if reply.rejects(section) {
                reject(out, section)?;
                continue;
            }
            self.section(out, section, reply)?;
            self.transport(out, first)?;
            first = false;
        }
        Ok(())
    }

    fn section(&self, out: &mut String, section: &Section, reply: &Reply) -> std::fmt::Result {
        match reply {
            Reply::Receive { formats } => {
                self.media(out, section, &pick(section, formats), "recvonly")?;
                if !section.rids.is_empty() {
                    simulcast_lines(out, section)?;
                }
                Ok(())
            }
            Reply::Send(sending) => {
                self.media(out, section, &pick(section, &sending.formats), "sendonly")?;
                sending_lines(out, sending)
            }
            Reply::Inactive => self.media(out, section, &pick(section, &[]), "inactive"),
            Reply::Data => {
                let heading = &section.heading;
                write!(
                    out,
                    "m=application 9 {} webrtc-datachannel\r\n",
                    heading.transport
                )?;
                write!(out, "c=IN IP4 0.0.0.0\r\na=mid:{}\r\n", section.mid)?;
                write!(
                    out,
                    "a=sctp-port:{SCTP_PORT}\r\na=max-message-size:65535\r\n"
                )
            }
            Reply::Reject => Ok(()),
        }
    }

    fn media(
        &self,
        out: &mut String,
        section: &Section,
        codecs: &[&OfferedCodec],
        direction: &str,
    ) -> std::fmt::Result {
        let heading = &section.heading;
        write!(out, "m={} 9 {}", heading.media, heading.transport)?;
        for codec in codecs {
            write!(out, " {}", codec.payload.payload_type)?;
            if let Some(rtx) = codec.payload.rtx {
                write!(out, " {rtx}")?;
            }
        }
        write!(
            out,
            "\r\nc=IN IP4 0.0.0.0\r\na=rtcp:9 IN IP4 0.0.0.0\r\na=mid:{}\r\n",
            section.mid
        )?;
        for (id, extension) in &section.extensions {
            // The descriptor's structure is sent for scalable codecs alone.
            let wanted = *extension != Extension::DependencyDescriptor
                || codecs
                    .iter()
                    .any(|c| matches!(c.format().codec, Codec::Vp9 | Codec::Av1));
            if wanted {
                write!(out, "a=extmap:{id} {}\r\n", extension.uri())?;
            }
        }
        if section.mixed {
            out.push_str("a=extmap-allow-mixed\r\n");
        }
        write!(out, "a={direction}\r\na=rtcp-mux\r\n")?;
        if section.reduced_size {
            out.push_str("a=rtcp-rsize\r\n");
        }
        codecs.iter().try_for_each(|codec| self.codec(out, codec))
    }

    fn codec(&self, out: &mut String, codec: &OfferedCodec) -> std::fmt::Result {
        let number = codec.payload.payload_type;
        write!(out, "a=rtpmap:{number} {}\r\n", codec.rtpmap())?;
        let feedback = codec.feedback;
        let video = codec.format().codec.kind() == protocol::media::Kind::Video;
        for (value, offered) in [
            ("transport-cc", feedback.transport_cc),
            ("ccm fir", video && feedback.fir),
            ("nack", video && feedback.nack),
            ("nack pli", video && feedback.pli),
        ] {
            if offered {
                write!(out, "a=rtcp-fb:{number} {value}\r\n")?;
            }
        }
        if codec.format().codec == Codec::Opus {
            write!(out, "a=fmtp:{number} {}\r\n", self.opus.fmtp())?;
        } else if let Some(fmtp) = &codec.fmtp {
            write!(out, "a=fmtp:{number} {fmtp}\r\n")?;
        }
        if let Some(rtx) = codec.payload.rtx {
            write!(
                out,
                "a=rtpmap:{rtx} rtx/90000\r\na=fmtp:{rtx} apt={number}\r\n"
            )?;
        }
        Ok(())
    }

    /// Transport lines; the candidates are those of the whole bundle and
    /// stand where it begins.
    fn transport(&self, out: &mut String, first: bool) -> std::fmt::Result {
        write!(
            out,
            "a=ice-ufrag:{}\r\na=ice-pwd:{}\r\n",
            self.ice.ufrag, self.ice.password
        )?;
        out.push_str("a=fingerprint:sha-256 ");
        for (index, byte) in self.plane.fingerprint.0.iter().enumerate() {
            write!(out, "{}{byte:02X}", if index == 0 { "" } else { ":" })?;
        }
        write!(out, "\r\na=setup:{}\r\n", self.setup.as_str())?;
        if !first {
            return Ok(());
        }
        for (index, address) in (0_u32..).zip(&self.plane.candidates) {
            // RFC 8445 §5.1.2.1: type preference 126 for host candidates,
            // then the local preference, then 256 less the component.
            let local = 65_535_u32.saturating_sub(index);
            let priority = (126 << 24) | (local << 8) | 255;
            let (ip, port) = (address.ip(), address.port());
            write!(
                out,
                "a=candidate:{} 1 udp {priority} {ip} {port} typ host\r\n",
                index + 1
            )?;
        }
        out.push_str("a=end-of-candidates\r\n");
        Ok(())
    }
}

/// The codecs to name in the answer: `formats` in their order, or, when
/// there are none of them in this section, whatever it has.
fn pick<'a>(section: &'a Section, formats: &[Format]) -> Vec<&'a OfferedCodec> {
    let codecs = &section.codecs;
    let picked: Vec<&OfferedCodec> = formats
        .iter()
        .flat_map(|format| codecs.iter().filter(|codec| codec.format() == *format))
        .collect();
    if picked.is_empty() {
        codecs.iter().collect()
    } else {
        picked
    }
}

fn simulcast_lines(out: &mut String, section: &Section) -> std::fmt::Result {
    for rid in &section.rids {
        write!(out, "a=rid:{rid} recv\r\n")?;
    }
    out.push_str("a=simulcast:recv ");
    for (index, rid) in section.rids.iter().enumerate() {
        write!(out, "{}{rid}", if index == 0 { "" } else { ";" })?;
    }
    out.push_str("\r\n");
    Ok(())
}

fn sending_lines(out: &mut String, sending: &Sending) -> std::fmt::Result {
    write!(out, "a=msid:{} {}\r\n", sending.stream, sending.track)?;
    if let Some(rtx) = sending.rtx_ssrc {
        write!(out, "a=ssrc-group:FID {} {rtx}\r\n", sending.ssrc)?;
    }
    for ssrc in [Some(sending.ssrc), sending.rtx_ssrc].into_iter().flatten() {
        write!(out, "a=ssrc:{ssrc} cname:{}\r\n", sending.cname)?;
    }
    Ok(())
}

fn reject(out: &mut String, section: &Section) -> std::fmt::Result {
    let heading = &section.heading;
    write!(
        out,
        "m={} 0 {} {}\r\n",
        heading.media, heading.transport, heading.first_format
    )?;
    let direction = if section.medium == Medium::Data {
        ""
    } else {
        "a=inactive\r\n"
    };
    write!(
        out,
        "c=IN IP4 0.0.0.0\r\na=mid:{}\r\n{direction}",
        section.mid
    )
}
