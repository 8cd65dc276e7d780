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
        ("name,mail\nAnn,mailto:a@x.org\nDr. Ann,A@X.org;\n", "lines 2 and 3 (Dr. Ann"),
        ("name,mail\nAnn,a@x.org\nDr. Ann,Anna <a@x.org>\n", "lines 2 and 3 (Dr. Ann"),
        ("name,mail\nAnn,a@x.org\nDr. Ann,ａ@ｘ.org\n", "lines 2 and 3 (Dr. Ann"),
        ("name\nＡnn\nAnn\n", "lines 2 and 3 (Ann);"),
        ("Nr,name\n1,Ann A\n2,Ann A\n", "lines 2 and 3 (Ann A);"),
        ("Nr.;name\n3;Ann A\n9;Ann A\n", "lines 2 and 3 (Ann A);"),
        ("member,name\n1,Ann A\n2,Bob\n3,Ann A\n", "lines 2 and 4 (Ann A);"),
        (&format!("name\n{}", "Ann\n".repeat(9)), "2 and 6 (Ann), 2 and 7 (Ann)"),
    ] {
        let why = read(roll, None, plain_reading()).err().unwrap_or_else(|| panic!("{roll}"));
        assert!(why.contains(lines), "{why}");
        assert!(why.contains("--allow-duplicates"), "{why}");
        let allowed = Reading { allow_duplicates: true, ..plain_reading() };
        assert!(read(roll, None, allowed).is_ok());
    }
    let many = format!("name\n{}", "Ann\n".repeat(9));
    assert!(read(&many, None, plain_reading()).err().unwrap().contains(", and 3 more;"));
    for roll in [
        "name,town\nAnn,Paris\nAnn,Rome\n",
        "name,mail\nAnn,\nBob,\n",
        "a\n@\nb@\n",
        "member,name\n11,Ann\n12,Ann\n",
        "No,name\n9,Ann\n3,Ann\n",
        "Nr\n1\n2\n",
        "pupil,class\n1,5a\n2,5a\n3,5a\n4,5b\n",
        "member,note\n1,\n2,board\n3,\n",
    ] {
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
        "M0012;Ann\nM0013;Bob\n",
        "Ann;12345 Town\nBob;1 Town\n",
        "Ann;2. Januar 1990\nBob;3. Januar 1990\n",
    ] {
        let why = read(roll, None, plain_reading()).err().unwrap();
        assert!(why.contains("looks like a person's"), "{why}");
        let heading = Reading { heading: true, ..plain_reading() };
        assert_eq!(read(roll, None, heading).unwrap().missing().unwrap(), 1);
    }
    for roll in [
        "name,e-mail\nAnn,a@b.org\n",
        "name 1,-\nAnn,1\n",
        "n°\n12\n",
        "name,Address line 2,Paid 2026,\nAnn,x,1,\n",
        "<name>,1st choice\nAnn,x\n",
    ] {
        assert_eq!(read(roll, None, plain_reading()).unwrap().missing().unwrap(), 1, "{roll}");
    }
}

#[test]
fn a_title_is_no_heading() {
    let roll = "Members 2026;;\n;;\nName;Mail;Ort\nAnn;a@x.org;Paris\n";
    let why = read(roll, None, plain_reading()).err().unwrap();
    assert!(why.contains("no name for column 2, which line 3 has a value in"), "{why}");
    let heading = Reading { heading: true, ..plain_reading() };
    assert_eq!(read(roll, None, heading).unwrap().missing().unwrap(), 2);
}

#[test]
fn rows_of_nobody_get_no_number() {
    for (roll, count, empty) in [
        ("Nr,name,email\n1,Ann,a@x.org\n2,,\n3,,\n", 1, 2),
        ("Nr.;name;paid\n1.;Ann;TRUE\n2.;;FALSE\n3.;-;FALSE\n", 1, 2),
        ("name,paid\nAnn,TRUE\n,FALSE\n–,\n", 1, 2),
        ("Nr\n1\n2\n", 2, 0),
        ("member,note\n1,\n2,board\n3,\n", 3, 0),
        ("Nr,name,voter_number\n1,Ann,\n2,,7\n3,,\n", 1, 1),
    ] {
        let people = read(roll, None, plain_reading()).unwrap();
        assert_eq!((people.missing().unwrap(), people.empty), (count, empty), "{roll}");
    }
}

#[test]
fn a_number_goes_to_nobody_else() {
    let old = "name,email,voter_number\nAnn,,1\nBob,,2\nCleo,c@x.org,3\n";
    let many = "name,town,voter_number\nAnn,Paris,1\nAnn,Rome,2\n";
    for (list, letters, why) in [
        ("Vorname,email\nAnn,\nBob,\nCleo,c@x.org\nDan,d@x.org\n", old, "they have nothing"),
        ("Vorname,email\nDan,\nCleo,c@x.org\n", old, "lines 2 (Ann), 3 (Bob), which are lines 2"),
        ("name,mail\nAnn,a\n", many, "the same text in the columns of both files (\"name\")"),
        ("name,mail\nAnn,a\nAnn,b\n", "name,voter_number\nAnn,1\n", "nobody knows whose"),
        ("Nr,Vorname\n1,Zoe\n2,Ann\n", "Nr,name,voter_number\n1,Ann,1\n2,Zoe,2\n", "no column"),
        ("name,voter_number\nAnn,7\nBob,\n", old, "line 2 (Ann) has another number in line 2"),
        ("name\nAnn\n", "name,voter_number\nAnn,1\nBob,1\n", "lines 2 and 3 have the same voter"),
    ] {
        let error = read(list, Some(letters), plain_reading()).err();
        let error = error.unwrap_or_else(|| panic!("{list}"));
        assert!(error.contains(why), "{list}: {error}");
    }
    let allowed = Reading { allow_duplicates: true, ..plain_reading() };
    assert!(read("name,mail\nAnn,a\n", Some(many), allowed).is_err());
    let twins = "name,voter_number\nAnn,1\nAnn,2\n";
    let people = read("name\nAnn\nBob\nAnn\nAnn\n", Some(twins), allowed).unwrap();
    assert_eq!(shown_people(people), ["Ann 1", "Bob 0", "Ann 2", "Ann 0"]);
    // The rows are counted anew in a list that has grown.
    let letters = "Nr,name,voter_number\n1,Ann,1\n2,Bob,2\n";
    let people = read("name,Nr\nAda,1\nAnn,2\nBob,3\n", Some(letters), plain_reading()).unwrap();
    assert_eq!(shown_people(people), ["Ada 0", "Ann 1", "Bob 2"]);
    // The letters with more rows, and with the number of a lost letter taken out.
    let letters = "name,voter_number\nAnn,1\nBob,2\n";
    let people = read(&format!("{letters}Cleo,\n"), Some(letters), plain_reading()).unwrap();
    assert_eq!((people.known, people.kept, people.gone.lines().len()), (2, 2, 0));
    assert_eq!(shown_people(people), ["Ann 1", "Bob 2", "Cleo 0"]);
    let letters = "name,voter_number\nAnn,\nBob,2\n";
    let people = read("name\nAnn\nBob\n", Some(letters), plain_reading()).unwrap();
    assert_eq!((people.known, shown_people(people)), (1, vec!["Ann 0".into(), "Bob 2".into()]));
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
    assert_eq!((people.gone.named(), people.gone.lines()), ("4 (Oslo, Zoe)".into(), vec![4]));
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
