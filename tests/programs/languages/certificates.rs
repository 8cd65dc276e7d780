//! Encrypted links, and the certificates that they name.

use std::fs;

use data_encoding::BASE64URL_NOPAD;
use rcgen::{CertificateParams, Issuer, KeyPair, date_time_ymd};
use sha2::{Digest, Sha256};

use super::{Board, languages, recorded};
use crate::process::{BOARD, Server, numbers};

#[test]
fn the_python_client_accepts_only_the_certificate_that_the_link_names() {
    let Some([python, cpp]) = languages() else { return };
    let board = Board::new();
    recorded(&python.run(&[&board.encrypted, "vote", "Ada", &board.number(0)]));
    assert_eq!(python.run(&[&board.encrypted, "results"]).done(), board.results());
    let (server, _) = board.encrypted.split_once('?').unwrap();
    let wrong = format!("{server}?cert={}", "A".repeat(43));
    for (link, why) in [(&wrong[..], "not the one that the link names"), (server, "self-signed")] {
        let refused = python.run(&[link, "vote", "Ada", &board.number(1)]);
        assert!(refused.stderr.contains(why), "{}", refused.stderr);
        assert_eq!((refused.code, &refused.stdout[..]), (Some(1), ""));
    }
    assert_eq!(board.results(), "provisional: Ada 0, Grace 0; 1 of 9 have voted\n");
    cpp.run(&[&board.encrypted, "results"]).failed(1, "a link for this example begins with");
}

/// An expired certificate, and one that an authority issued: naming them in the link is enough.
#[test]
fn the_python_client_accepts_any_certificate_that_the_link_names() {
    let Some([python, _]) = languages() else { return };
    let [own_key, authority_key] = [(); 2].map(|()| KeyPair::generate().unwrap());
    let params = || CertificateParams::new(["elsewhere.example".to_string()]).unwrap();
    let mut old = params();
    old.not_before = date_time_ymd(2001, 1, 1);
    old.not_after = date_time_ymd(2002, 1, 1);
    let authority = Issuer::new(CertificateParams::default(), authority_key);
    let certificates =
        [old.self_signed(&own_key).unwrap(), params().signed_by(&own_key, &authority).unwrap()];
    for certificate in certificates {
        let data = tempfile::tempdir().unwrap();
        let file = data.path().join("operator.pem");
        fs::write(&file, certificate.pem() + &own_key.serialize_pem()).unwrap();
        let file = file.to_str().unwrap();
        let more = ["--voters", "1", "--certificate", file, "--key", file];
        let server =
            Server::listen("capvotes://127.0.0.1:0", data.path(), &[&BOARD[..], &more].concat());
        let named = BASE64URL_NOPAD.encode(&Sha256::digest(certificate.der()));
        let link = format!("{}?cert={named}", server.link);
        recorded(&python.run(&[&link, "vote", "Ada", &numbers(data.path())[0].to_string()]));
        let unnamed = python.run(&[&server.link, "results"]);
        assert!(unnamed.stderr.contains("certificate verify failed"), "{}", unnamed.stderr);
    }
}
