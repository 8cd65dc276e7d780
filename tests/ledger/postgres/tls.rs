//! Encrypted connections, and passwords.

use std::net::TcpListener;
use std::sync::Arc;

use capvote::ledger::postgres::{Options, PostgresLedger, Roots};
use capvote::ledger::{Ledger, Metrics};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

use super::cluster::{Cluster, own_cluster};

/// Who signs the certificates of databases.
fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// Lets the primary encrypt, with a certificate for `name`, and ask who is not `postgres` for a
/// password.
fn encrypt(cluster: &Cluster, authority: &CertifiedIssuer<'static, KeyPair>, name: &str) {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec![name.to_string()]).unwrap();
    let certificate = params.signed_by(&key, authority).unwrap();
    cluster.write("a/server.crt", &certificate.pem());
    cluster.write("a/server.key", &key.serialize_pem());
    cluster.write(
        "a/pg_hba.conf",
        "host all postgres 127.0.0.1/32 trust
         host replication postgres 127.0.0.1/32 trust
         hostssl all capvote 127.0.0.1/32 scram-sha-256\n",
    );
    cluster.execute("postgres", "ALTER SYSTEM SET ssl = on");
    cluster.execute("postgres", "SELECT pg_reload_conf()");
}

/// What a start with these options is refused for.
fn refusal(options: Options) -> String {
    PostgresLedger::open(options, Metrics::new()).unwrap_err().to_string()
}

#[tokio::test]
async fn a_database_is_known_by_its_certificate_and_asks_for_a_password() {
    let Some(cluster) = own_cluster() else { return };
    let (ours, theirs) = (authority(), authority());
    encrypt(&cluster, &ours, "localhost");
    let database = cluster.database();
    cluster.execute("postgres", "CREATE ROLE capvote LOGIN PASSWORD 'opens it'");
    cluster.execute("postgres", &format!("ALTER DATABASE {database} OWNER TO capvote"));
    cluster.execute(&database, "ALTER SCHEMA public OWNER TO capvote");
    let folder = tempfile::tempdir().unwrap();
    let port = cluster.primary;
    let at = |host: &str, query: &str| {
        let address = format!("postgres://capvote@{host}:{port}/{database}?{query}");
        Options::new(&address, folder.path()).unwrap()
    };
    let roots = Roots::from_pem(ours.pem().as_bytes()).unwrap();
    let others = Roots::from_pem(theirs.pem().as_bytes()).unwrap();
    let trusted = |query| at("localhost", query).with_roots(roots.clone());
    for (options, why) in [
        (at("localhost", "sslmode=require").with_password("opens it"), "certificate"),
        (trusted("sslmode=require").with_roots(others).with_password("opens it"), "certificate"),
        // Its certificate is for another name.
        (
            at("127.0.0.1", "sslmode=require").with_roots(roots.clone()).with_password("opens it"),
            "certificate",
        ),
        (trusted("sslmode=require").with_password("opens nothing"), "password"),
        (trusted("sslmode=require"), "password"),
        (trusted("sslmode=disable").with_password("opens it"), "no pg_hba.conf entry"),
    ] {
        let told = refusal(options);
        assert!(told.contains(why), "{why}: {told}");
        assert!(!told.contains('\n') && !told.contains("opens"), "{told}");
    }
    let options = trusted("sslmode=require").with_password("opens it");
    assert!(refusal(options.clone()).contains("GRANT pg_read_all_stats"));
    cluster.execute("postgres", "GRANT pg_read_all_stats TO capvote");
    let ledger: Arc<dyn Ledger> = Arc::new(PostgresLedger::open(options, Metrics::new()).unwrap());
    assert_eq!(ledger.fresh().await.unwrap().elections.len(), 0);
    let encrypted = "SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)
                     WHERE usename = 'capvote' AND NOT ssl";
    assert_eq!(cluster.query("postgres", encrypted), ["0"]);
    drop(ledger);
}

#[test]
fn where_nothing_answers_or_something_else_does_the_start_says_so() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = other.local_addr().unwrap();
    std::thread::spawn(move || {
        for peer in other.incoming() {
            let _ = std::io::Write::write_all(&mut peer.unwrap(), b"HTTP/1.1 200 OK\r\n\r\n");
        }
    });
    let folder = tempfile::tempdir().unwrap();
    for (at, why) in [(closed, "refused"), (address, "")] {
        let options = Options::new(&format!("postgres://me@{at}/db"), folder.path()).unwrap();
        let told = refusal(options);
        assert!(told.starts_with("the database is not used: no primary is found"), "{told}");
        assert!(told.contains(why) && !told.contains('\n'), "{told}");
    }
}
