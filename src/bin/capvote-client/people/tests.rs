//! Lists of people: who is on them twice, and who has a number.

use super::*;

fn read(roll: &str, letters: Option<&str>, more: Reading<'_>) -> Result<People, String> {
    let folder = tempfile::tempdir().unwrap();
    let (list, old) = (folder.path().join("people.csv"), folder.path().join("letters.csv"));
    std::fs::write(&list, roll).unwrap();
    std::fs::write(&old, letters.unwrap_or_default()).unwrap();
    let letters = letters.map(|_| &*old);
    People::read(Reading { roll: &list, letters, ..more }).map_err(|failure| match failure {
        Failure::Usage(why) => why,
        other => panic!("{other:?}"),
    })
}

fn plain_reading() -> Reading<'static> {
    Reading { roll: Path::new(""), letters: None, heading: false, allow_duplicates: false }
}

fn shown_people(people: People) -> Vec<String> {
    let number = |person: &Person| person.number.map_or(0, VoterNumber::get);
    let name = |person: &Person| person.fields.get(0).unwrap_or_default().to_string();
    people.rows.map(|person| format!("{} {}", name(&person), number(&person))).collect()
}

#[test]
fn the_same_person_twice_is_refused_with_the_lines() {
    for (roll, lines) in [
        ("name\nAnn\nBob\nAnn\n", "lines 2 and 4 (Ann);"),
        ("name\nAnn\nBob\n\n ann \n", "lines 2 and 5 (ann);"),
        ("name\nJosé\nJose\u{301}\n", "lines 2 and 3 (Jose\u{301});"),
        ("name\nAnn Lee\nAnn\u{A0} Lee\n", "lines 2 and 3 (Ann\u{A0} Lee);"),
        ("name;mail\nAnn;a@b.org\nDr. Ann;A@B.org\n", "lines 2 and 3 (Dr. Ann, A@B.org);"),
        ("name\r\nAnn\r\nAnn\r\nAnn\r\n", "lines 2 and 3 (Ann), 2 and 4 (Ann);"),
        ("name,voter_number\nAnn,1\nAnn,\n", "lines 2 and 3 (Ann);"),
        (&format!("name\n{}", "Ann\n".repeat(9)), "2 and 6 (Ann), 2 and 7 (Ann)"),
    ] {
        let why = read(roll, None, plain_reading()).err().unwrap();
        assert!(why.contains(lines), "{why}");
        assert!(why.contains("--allow-duplicates"), "{why}");
        let allowed = Reading { allow_duplicates: true, ..plain_reading() };
        assert!(read(roll, None, allowed).is_ok());
    }
    let many = format!("name\n{}", "Ann\n".repeat(9));
    assert!(read(&many, None, plain_reading()).err().unwrap().contains(", and 3 more;"));
    for roll in ["name,town\nAnn,Paris\nAnn,Rome\n", "name,mail\nAnn,\nBob,\n", "a\n@\nb@\n"] {
        assert!(read(roll, None, Reading { heading: true, ..plain_reading() }).is_ok(), "{roll}");
    }
}

#[test]
fn a_first_line_that_looks_like_a_person_is_questioned() {
    for roll in [
        "Ann,ann@example.org\nBob,bob@example.org\n",
        "1;Ann\n2;Bob\n",
        "Ann\t0170 123-45\nBob\t0170 678\n",
        "Ann,1.2.1990\nBob,3.4.1990\n",
        "Ann,+49 (170) 12\nBob,1\n",
        "Ann,١٢\nBob,١٣\n",
    ] {
        let why = read(roll, None, plain_reading()).err().unwrap();
        assert!(why.contains("looks like a person's"), "{why}");
        let heading = Reading { heading: true, ..plain_reading() };
        assert_eq!(read(roll, None, heading).unwrap().missing().unwrap(), 1);
    }
    for roll in ["name,e-mail\nAnn,a@b.org\n", "name 1,-\nAnn,1\n", "n°\n12\n"] {
        assert_eq!(read(roll, None, plain_reading()).unwrap().missing().unwrap(), 1, "{roll}");
    }
}

#[test]
fn who_has_a_number_keeps_it() {
    let people = read("name,voter_number\nAnn,11\nBob,\nEve,  \n", None, plain_reading()).unwrap();
    assert_eq!((people.missing().unwrap(), people.known, people.kept), (2, 1, 1));
    assert_eq!(shown_people(people), ["Ann 11", "Bob 0", "Eve 0"]);

    let twice = read("name,voter_number\nAnn,11\nBob,\nEve,1-1\n", None, plain_reading());
    assert!(twice.err().unwrap().contains("lines 2 and 4 have the same voter number"));

    let letters = "town;name;voter_number\nParis;Ann;11\nRome;Bob;12\nOslo;Zoe;13\n";
    let list = "name,town\nEve,Bonn\nANN, Paris\nBob,Rome\nAnn,Rome\n";
    let people = read(list, Some(letters), plain_reading()).unwrap();
    assert_eq!((people.missing().unwrap(), people.known, people.kept), (2, 3, 2));
    assert_eq!(people.gone, ["4 (Oslo, Zoe)"]);
    assert_eq!(shown_people(people), ["Eve 0", "ANN 11", "Bob 12", "Ann 0"]);

    for (letters, why) in [
        ("name,town\nAnn,Paris\n", "no column voter_number"),
        ("mail,voter_number\nx,1\n", "no column of the list"),
        ("name,voter_number\nAnn,1x\n", "line 2: a voter number is"),
    ] {
        let error = read(list, Some(letters), plain_reading()).err().unwrap();
        assert!(error.contains(why), "{error}");
    }
}

#[test]
fn nobody_to_issue_a_number_to() {
    for (roll, why) in [
        ("name\n", "has no rows below its heading"),
        ("name\n\n ; \n", "has no rows below its heading"),
        ("name,voter_number\nAnn,1\n", "has a number"),
    ] {
        let failure = read(roll, None, plain_reading()).unwrap().missing().unwrap_err();
        assert!(format!("{failure:?}").contains(why), "{failure:?}");
    }
}
