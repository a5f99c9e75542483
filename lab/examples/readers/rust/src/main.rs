//! Reads the options of a runhcs shim with prost.

mod messages;

use messages::{BootstrapParams, Options};
use prost::encoding::{decode_key, skip_field, DecodeContext, WireType};
use prost::{DecodeError, Message};
use prost_types::Any;
use std::io::{self, BufReader, BufWriter, ErrorKind, Read, Write};

enum Error { Malformed(DecodeError), Foreign(String) }

impl From<DecodeError> for Error {
    fn from(err: DecodeError) -> Self { Error::Malformed(err) }
}

fn names_options(any: &Any) -> bool { any.type_url.rsplit('/').next() == Some("containerd.runhcs.v1.Options") }

fn is_identifier(s: &[u8]) -> bool {
    s.len() <= 76 && s.split(|b| b"._-".contains(b)).all(|part| !part.is_empty() && part.iter().all(u8::is_ascii_alphanumeric))
}

/// Tells whether a field is there that only BootstrapParams has.
fn is_bootstrap(mut payload: &[u8]) -> Result<bool, DecodeError> {
    let mut found = false;
    while !payload.is_empty() {
        let (number, wire_type) = decode_key(&mut payload)?;
        found |= matches!((number, wire_type), (3, WireType::Varint) | (4..=9, WireType::LengthDelimited));
        skip_field(wire_type, number, &mut payload, DecodeContext::default())?;
    }
    Ok(found)
}

/// Returns the Options, or None if none were sent (docs/contract.md, R1 to R4c).
fn read_options(payload: &[u8]) -> Result<Option<Options>, Error> {
    if payload.is_empty() { return Ok(None); } // R1
    if is_bootstrap(payload)? { // R2, R3
        let extensions = BootstrapParams::decode(payload)?.extensions;
        let ours = extensions.into_iter().filter_map(|extension| extension.value).find(names_options);
        return Ok(ours.map(|any| Options::decode(&*any.value)).transpose()?);
    }
    let any = Any::decode(payload)?; // R4
    if names_options(&any) { return Ok(Some(Options::decode(&*any.value)?)); } // R4a
    if is_identifier(any.type_url.as_bytes()) && is_identifier(&any.value) && BootstrapParams::decode(payload).is_ok() {
        return Ok(None); // R4b
    }
    Err(Error::Foreign(any.type_url)) // R4c
}

fn answer(payload: &[u8]) -> Vec<u8> {
    match read_options(payload) {
        Ok(Some(options)) => [&b"options\n"[..], &options.encode_to_vec()].concat(),
        Ok(None) => b"none\n".to_vec(),
        Err(Error::Malformed(err)) => format!("error/malformed\n{err}").into_bytes(),
        Err(Error::Foreign(url)) => format!("error/foreign\noptions of type {url:?}").into_bytes(),
    }
}

fn main() -> io::Result<()> {
    let (mut input, mut output) = (BufReader::with_capacity(1 << 16, io::stdin()), BufWriter::with_capacity(1 << 16, io::stdout()));
    // Output is flushed before the input that is at hand does not suffice.
    let mut read = |buffer: &mut [u8], output: &mut BufWriter<_>| {
        if input.buffer().len() < buffer.len() { output.flush()?; }
        input.read_exact(buffer)
    };
    let mut head = [0; 4];
    loop {
        match read(&mut head, &mut output) {
            Err(err) if err.kind() == ErrorKind::UnexpectedEof => return Ok(()),
            result => result?,
        }
        let mut payload = vec![0; u32::from_be_bytes(head) as usize];
        read(&mut payload, &mut output)?;
        let answer = answer(&payload);
        output.write_all(&(answer.len() as u32).to_be_bytes())?;
        output.write_all(&answer)?;
    }
}
