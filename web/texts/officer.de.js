/** The texts of the officer’s page, and what it shares with the auditor’s, in German. */

export const texts = {
  "rules.plurality": "Die meisten Stimmen gewinnen.",
  "rules.approval":
    "Zustimmung: Man kennzeichnet beliebig viele Namen, und die meisten Stimmen gewinnen.",
  "rules.transferable":
    "Übertragbare Einzelstimmgebung nach den schottischen Regeln; bei einem Sitz ist das \
die Integrierte Stichwahl.",
  "rules.schulze": "Schulze-Methode: wer gegen jeden anderen Namen gewinnen würde.",
  "rules.seats": { one: "{count} Sitz.", other: "{count} Sitze." },
  "rules.marks": {
    one: "Ein Stimmzettel kennzeichnet {count} Namen.",
    other: "Ein Stimmzettel kennzeichnet höchstens {count} Namen.",
  },
  "rules.majority": "Nötige Stimmen: {share}.",
  "rules.quorum": "Nötige Stimmzettel: {share}.",
  "rules.noneIs": "{name} steht für niemanden.",
  "share.atLeast": "mindestens {part}",
  "share.above": "mehr als {part}",
  "share.marked": "der Stimmzettel, die einen Namen kennzeichnen",
  "share.ballots": "aller Stimmzettel",
  "share.roll": "des Verzeichnisses",
  "link.none": "Das ist kein Link mit einem Geheimnis hinter dem #. Fügen Sie den ganzen Link ein.",
  "trouble.disconnected":
    "Die Verbindung zum Server ging verloren, und es kam keine Antwort: {why}",
  "trouble.overloaded": "Der Server ist ausgelastet. Versuchen Sie es gleich noch einmal: {why}",
  "trouble.unimplemented": "Das öffnet der Link nicht: {why}",
  "trouble.failed": "Der Server sagt: {why}",
  "trouble.other": "Etwas ist schiefgegangen: {why}",
  "officer.title": "Wahlen leiten",
  "entry.text":
    "Diese Seite öffnet sich mit einem Link der Wahlleitung: officer.link im Datenordner des \
Servers, oder einem davon weitergegebenen.",
  "entry.file": "Die Datei mit dem Link",
  "entry.fileHint": "Datei auswählen oder hier ablegen.",
  "entry.link": "Oder der Link selbst",
  "entry.linkHint":
    "Er wird nur an diesen Server gesendet und nirgends aufbewahrt: Nach dem Neuladen geben \
Sie ihn noch einmal.",
  "entry.open": "Link öffnen",
  "back.overview": "Zurück zu den Wahlen",
  "back.election": "Zurück zur Wahl",
  "back.roll": "Zurück",
  "working.wait": "Bitte warten.",
  "working.open": "Der Link wird geöffnet …",
  "working.load": "Die Wahl wird geladen …",
  "working.loadAll": "Die Wahlen werden geladen …",
  "working.read": "Die Liste wird gelesen …",
  "working.create": "Die Wahl wird angelegt …",
  "working.issue": "Wählernummern werden gezogen …",
  "working.confirm": "Die Wahl wird bestätigt …",
  "working.openElection": "Die Wahl wird geöffnet …",
  "working.close": "Die Wahl wird geschlossen …",
  "working.revoke": "Die Nummern werden gestrichen …",
  "working.link": "Ein Link wird erstellt …",
  "working.endLink": "Der Link wird beendet …",
  "overview.new": "Wahl anlegen",
  "overview.none": "Auf diesem Server gibt es noch keine Wahl.",
  "overview.run": "{id} leiten",
  "audited.title": "Für welche Wahl ist er?",
  "audited.text":
    "Das ist ein Prüflink. Wählen Sie die Wahl aus, für die er erstellt wurde: Die Seite öffnet \
sich, die sie prüft.",
  "audited.check": "{id} prüfen",
  "create.heading": "Wahl anlegen",
  "create.title": "Titel",
  "create.titleHint": "Wie die Wahl genannt wird, etwa „Vorstand 2027“.",
  "create.id": "Kennung für Links",
  "create.idHint":
    "1 bis 64 Buchstaben, Ziffern, „.“, „_“ und „-“. Sie steht im Link zur Abstimmung.",
  "create.candidates": "Namen auf dem Stimmzettel",
  "create.candidatesHint":
    "Einer in jeder Zeile, in der Reihenfolge des Stimmzettels. Bei einem Antrag: Ja, \
und Nein.",
  "create.method": "Wie gezählt wird",
  "create.method.plurality": "Die meisten Stimmen gewinnen",
  "create.method.pluralityHint":
    "Ein Name, mehrere Namen, oder Zustimmung: so viele Kennzeichen wie Namen.",
  "create.method.transferable": "Ränge: übertragbare Einzelstimmgebung",
  "create.method.transferableHint":
    "Ein Ausschuss im Verhältnis der Stimmen; bei einem Sitz die Integrierte \
Stichwahl. Nach den schottischen Regeln.",
  "create.method.schulze": "Ränge: Schulze-Methode",
  "create.method.schulzeHint":
    "Wer gegen jeden anderen Namen gewinnen würde. Namen können einen Rang teilen.",
  "create.seats": "Sitze",
  "create.seatsHint": "Wie viele höchstens gewählt werden.",
  "create.marks": "So viele Namen darf ein Stimmzettel kennzeichnen",
  "create.marksHint":
    "Leer: Ein Stimmzettel kennzeichnet so viele Namen, wie es Sitze gibt, und bei Rängen reiht er \
alle. Wo weniger als 1.000 Personen abstimmen können, reiht er höchstens 3: Eine längere \
Reihenfolge ist oft die einzige ihrer Art und wäre in der Stimmzettelliste zu erkennen.",
  "create.majority": "Mehrheit, die Stimmen erreichen müssen",
  "create.majorityHint":
    "Leer: keine. Sonst ein Anteil wie >1/2 of marked, >=2/3 of ballots, >1/2 of roll, \
oder eine Zahl wie >=50.",
  "create.quorum": "Quorum, das Stimmzettel erreichen müssen",
  "create.quorumHint": "Leer: keines. Sonst ein Anteil wie >=1/4 of roll, oder eine Zahl wie >=50.",
  "create.none": "Der letzte Name steht für niemanden",
  "create.noneHint": "Wie „Neu ausschreiben“ oder „Keiner davon“.",
  "create.blank": "Leere Stimmzettel erlauben",
  "create.blankHint": "Für alle, die sich enthalten und als anwesend zählen wollen.",
  "create.publication": "Wann die Zählung zu sehen ist",
  "create.publication.sealed": "Nach der Schließung",
  "create.publication.sealedHint": "Bis dahin sehen alle nur die Beteiligung.",
  "create.publication.live": "Während der Abstimmung, zehn Stimmzettel auf einmal",
  "create.publication.liveHint": "Nicht bei Rängen.",
  "create.opens": "Öffnet von selbst",
  "create.opensHint": "In der Zeit dieses Geräts. Leer: Sie öffnen sie.",
  "create.closes": "Schließt von selbst",
  "create.closesHint": "In der Zeit dieses Geräts. Leer: Sie schließen sie.",
  "create.roll": "Wählernummern",
  "create.rollHint":
    "Wahlen mit einem gemeinsamen Verzeichnis sind die Fragen eines Stimmzettels: Eine \
Nummer gilt für alle.",
  "create.ownRoll": "Eigene",
  "create.final":
    "Was hier steht, kann danach nicht geändert werden. Niemand kann abstimmen, bevor Sie die \
Wahl öffnen.",
  "create.submit": "Wahl anlegen",
  "create.test": "Ausprobieren: einen Test davon anlegen",
  "create.testHint":
    "Ein Test ist eine eigene Wahl mit drei Wählernummern, die sofort offen ist. Ihre Stimmen \
zählen für nichts.",
  "create.fewRanks":
    "Ein Stimmzettel reiht hier höchstens {ranks} Namen, weil weniger als 1.000 abstimmen \
können.",
  "test.name": "Test: {title}",
  "test.title": "Der Test ist offen",
  "test.text": {
    one: "Stimmen Sie mit dieser Nummer ab, wie es die Wählenden tun. Sie öffnet einen neuen Tab.",
    other:
      "Stimmen Sie mit diesen {count} Nummern ab, wie es die Wählenden tun. Jede öffnet einen \
neuen Tab.",
  },
  "test.vote": "Abstimmen als Nummer {count}",
  "test.go": "Den Test leiten: Beteiligung, Schließung, Auszählung",
  "test.real": "Zurück zum Formular, um die Wahl selbst anzulegen",
  "election.id": "Kennung: {id}",
  "election.test": "Das ist ein Test.",
  "election.names": "Namen auf dem Stimmzettel",
  "election.unconfirmed":
    "Sie wurde aus einer Sicherung wiederhergestellt und nimmt keine Stimmen an, bis das \
bestätigt ist.",
  "election.confirmText":
    "Stimmen, die nach der Sicherung gespeichert wurden, fehlen darin. Bitten Sie nach der \
Bestätigung alle, die abgestimmt haben, ihre Stimme mit derselben Belegdatei noch einmal zu \
senden.",
  "election.confirm": "Die wiederhergestellte Wahl bestätigen",
  "confirm.done": "Die Wahl ist bestätigt.",
  "election.roll": "Verzeichnis und Briefe",
  "election.sharedRoll": "Sie teilt die Wählernummern von {roll}: Vergeben Sie sie dort.",
  "election.added": {
    one: "{count} davon wurde nach der Öffnung vergeben.",
    other: "{count} davon wurden nach der Öffnung vergeben.",
  },
  "election.issue": "Wählernummern vergeben",
  "election.letters": "Briefe aus einer gespeicherten Datei",
  "election.revoke": "Nummern streichen",
  "election.voting": "Abstimmung",
  "election.open": "Wahl öffnen …",
  "election.close": "Wahl schließen …",
  "election.voterPage": "Die Seite zum Abstimmen",
  "election.watch": "Die Tafel für den Saal",
  "election.count": "Auszählung und Journal",
  "election.sheet": "Stimmzettelliste erstellen",
  "election.saveCsv": "Liste als CSV speichern",
  "election.saveJson": "Liste als JSON speichern",
  "election.fingerprint":
    "Fingerabdruck der CSV-Datei (SHA-256). Veröffentlichen Sie ihn mit der Datei.",
  "election.links": "Links für andere",
  "election.linksText":
    "Eine Nummernvergabe vergibt Nummern, eine Prüfung prüft, und eine Verwaltung leitet \
diese eine Wahl.",
  "election.share": "Link erstellen",
  "election.endLink": "Link beenden, oder seine Nummern streichen",
  "roll.title": "Wählernummern vergeben",
  "roll.more":
    "In diesem Verzeichnis stehen schon Nummern. Ist eine Liste gewachsen, nehmen Sie die Datei \
der \
früheren Vergabe: Wer darin eine Nummer hat, behält sie.",
  "roll.file": "Eine Liste von Personen",
  "roll.fileHint":
    "Eine CSV-Datei mit einer Zeile von Spaltennamen darüber. Sie wird in dieser Seite gelesen \
und verlässt sie nicht: Der Server erfährt keine Namen.",
  "roll.count": "Oder eine Zahl von Nummern, ohne Namen",
  "roll.countHint": "Für Zettel, die verteilt werden.",
  "roll.countGo": "Weiter",
  "roll.wrongCount": {
    one: "Geben Sie eine Zahl von 1 bis {count} ein.",
    other: "Geben Sie eine Zahl von 1 bis {count} ein.",
  },
  "roll.allow": "Es sind verschiedene Personen: eine Nummer für jede Zeile",
  "roll.add": "Niemand auf dieser Liste hat eine davon: zum Verzeichnis hinzufügen",
  "roll.addFirst":
    "Im Verzeichnis stehen schon Nummern. Nehmen Sie die Datei der früheren Vergabe, oder sagen \
Sie, dass niemand auf dieser Liste eine davon hat.",
  "roll.allowFirst":
    "Manche Zeilen scheinen dieselbe Person zu sein. Nehmen Sie jeweils eine von der Liste, \
oder sagen Sie, dass es verschiedene Personen sind.",
  "people.title": "Liste prüfen",
  "people.missing": {
    one: "{count} Person bekommt eine Wählernummer.",
    other: "{count} Personen bekommen eine Wählernummer.",
  },
  "people.kept": {
    one: "{count} Person hat eine Nummer und behält sie.",
    other: "{count} Personen haben eine Nummer und behalten sie.",
  },
  "people.empty": {
    one: "{count} leere Zeile wird ausgelassen: Zeile {lines}.",
    other: "{count} leere Zeilen werden ausgelassen: Zeilen {lines}.",
  },
  "people.formulas": {
    one: "In {count} Zeile beginnt ein Feld mit =, +, - oder @, was eine Tabellenkalkulation \
ausrechnen würde: Zeile {lines}. Sehen Sie es an, bevor Sie die Datei mit den Nummern darin \
öffnen.",
    other:
      "In {count} Zeilen beginnt ein Feld mit =, +, - oder @, was eine Tabellenkalkulation \
ausrechnen würde: Zeilen {lines}. Sehen Sie sie an, bevor Sie die Datei mit den Nummern darin \
öffnen.",
  },
  "people.others": {
    one: "Im Verzeichnis steht {count} Nummer, die nicht in dieser Liste steht. Wer sie hat und \
auf dieser Liste steht, bekommt eine zweite und kann zweimal abstimmen.",
    other:
      "Im Verzeichnis stehen {count} Nummern, die nicht in dieser Liste stehen. Wer eine davon hat \
und auf dieser Liste steht, bekommt eine zweite und kann zweimal abstimmen.",
  },
  "people.doubles": {
    one: "{count} Zeile scheint jemand zu sein, der schon auf der Liste steht",
    other: "{count} Zeilen scheinen jemand zu sein, der schon auf der Liste steht",
  },
  "people.double": "Zeilen {first} und {second}:",
  "people.more": { one: "und {count} weitere", other: "und {count} weitere" },
  "people.preview": { one: "Die erste Zeile", other: "Die ersten {count} Zeilen" },
  "people.local": "Nichts von der Liste wird gesendet.",
  "people.time":
    "Wenn Sie weitergehen, zieht der Server die Nummern, und Sie haben {seconds} Sekunden, um sie \
zu speichern. Erst dann stehen sie im Verzeichnis. Briefe werden danach in Ruhe gedruckt.",
  "people.issue": { one: "{count} Wählernummer ziehen", other: "{count} Wählernummern ziehen" },
  "people.nobody": "Alle auf der Liste haben eine Nummer.",
  "people.letters": "Briefe an sie",
  "issue.uncertain": {
    one: "Die Antwort des Servers ging verloren. Im Verzeichnis steht {count} Nummer mehr als \
vorher. Es ist also diese, wenn nicht jemand anders gleichzeitig eine vergeben hat: Fragen Sie \
nach, bevor Sie den Brief senden.",
    other:
      "Die Antwort des Servers ging verloren. Im Verzeichnis stehen {count} Nummern mehr als \
vorher. Es sind also diese, wenn nicht jemand anders gleichzeitig ebenso viele vergeben hat: \
Fragen Sie nach, bevor Sie Briefe senden.",
  },
  "saving.title": "Nummern speichern",
  "saving.text": {
    one: "{count} Nummer ist gezogen und steht noch in keinem Verzeichnis. Speichern Sie die \
Datei; in ihr steht \
Ihre Liste mit der Spalte {column}. Niemand kann sie noch einmal herstellen.",
    other:
      "{count} Nummern sind gezogen und stehen noch in keinem Verzeichnis. Speichern Sie die \
Datei; in ihr \
steht Ihre Liste mit der Spalte {column}. Niemand kann sie noch einmal herstellen.",
  },
  "saving.left": { one: "noch {count} Sekunde", other: "noch {count} Sekunden" },
  "saving.file": "1. Datei speichern",
  "saving.look": "Sehen Sie nach, ob die Datei da ist, und sagen Sie es dann.",
  "saving.saved": "2. Die Datei ist gespeichert: Nummern ins Verzeichnis",
  "saving.wait": "Die Nummern kommen ins Verzeichnis …",
  "saving.drop": "Diese Nummern nicht nehmen",
  "letters.title": "Briefe",
  "letters.text":
    "Jeder Brief hat einen QR-Code, der die Seite zum Abstimmen mit der Nummer öffnet. Drucken Sie \
sie, oder speichern Sie die Liste für einen Serienbrief: In der Spalte voting_link steht der Link.",
  "letters.columns": "Was in der Anschrift steht",
  "letters.column": "Spalte {count}",
  "letters.words": "Eigene Worte",
  "letters.wordsHint": "Sie stehen in jedem Brief.",
  "letters.range":
    "Unten stehen die Briefe {from} bis {to} von {all}; sie werden zusammen gedruckt.",
  "letters.print": "Diese Briefe drucken",
  "letters.merge": "Liste speichern (CSV)",
  "letters.before": "Die Briefe davor",
  "letters.next": "Die nächsten Briefe",
  "letters.secret":
    "Wer einen Brief liest, kann mit ihm abstimmen. Bewahren Sie die Liste bis zur Schließung auf, \
falls Briefe verloren gehen, und löschen Sie sie dann.",
  "letters.preview": "Was gedruckt wird",
  "letters.of": "Brief mit der Nummer {number}",
  "letters.test": "Das ist ein Test. Er zählt für nichts.",
  "letters.invited": "Sie sind eingeladen abzustimmen.",
  "letters.opens": "Die Abstimmung beginnt am {moment}.",
  "letters.closes": "Die Abstimmung endet am {moment}.",
  "letters.qr": "QR-Code des Links zum Abstimmen",
  "letters.scan": "Scannen Sie den Code mit dem Telefon,",
  "letters.type": "oder öffnen Sie diese Adresse:",
  "letters.number": "und geben Sie Ihre Wählernummer ein:",
  "letters.keep": {
    one: "Behalten Sie diesen Brief für sich: Wer die Nummer hat, kann an Ihrer Stelle abstimmen. \
Die Nummer gilt für eine Stimme.",
    other:
      "Behalten Sie diesen Brief für sich: Wer die Nummer hat, kann an Ihrer Stelle abstimmen. Die \
Nummer gilt für je eine Stimme in den {count} Wahlen.",
  },
  "letters.base": "Adresse des Servers in den Links",
  "letters.baseHint": "Wie die Wählenden ihn erreichen, etwa https://wahl.example.org",
  "letters.baseLocal": "Das ist eine Adresse nur dieses Geräts: Kein Telefon kann sie öffnen.",
  "letters.baseWrong": "Das ist keine Webadresse. In den Links steht die bisherige.",
  "lettersFile.text":
    "Aus einer Datei, die bei einer Vergabe gespeichert wurde, können Briefe noch einmal \
erstellt werden, etwa für jemanden, dessen Brief verloren ging.",
  "lettersFile.newest": "Die Briefe der letzten Vergabe",
  "lettersFile.file": "Die Datei mit den Nummern",
  "lettersFile.hint":
    "Eine CSV-Datei mit der Spalte voter_number. Sie wird in dieser Seite gelesen und verlässt \
sie nicht.",
  "confirm.agreed": "Ich habe das gelesen.",
  "confirm.first": "Sagen Sie, dass Sie das gelesen haben.",
  "open.title": "Wahl öffnen?",
  "open.text": "Was eine Öffnung bedeutet:",
  "open.slate": "Alle können abstimmen. Namen und Regeln stehen endgültig fest.",
  "open.roll": "Keine Nummer kann mehr gestrichen werden. Weitere können vergeben werden.",
  "open.rules": "Das kann nicht zurückgenommen werden.",
  "open.others": "Auch diese öffnen, mit denselben Wählernummern: {names}",
  "open.nobody":
    "Niemand kann abstimmen, bevor Wählernummern vergeben sind: Das Verzeichnis ist leer.",
  "open.act": "Wahl öffnen",
  "open.done": { one: "Die Wahl ist offen.", other: "Jetzt offen: {names}." },
  "open.some": "Jetzt offen: {names}. Nicht offen: {others}. {why}",
  "close.title": "Wahl schließen?",
  "close.text": "Eine Schließung ist endgültig:",
  "close.votes": "Niemand kann mehr abstimmen, auch nicht, wer es gerade tut.",
  "close.again": "Wieder geöffnet werden kann sie nicht.",
  "close.key":
    "Der Schlüssel der Stimmzettel wird vernichtet, sodass niemand erfährt, wer wen gewählt hat.",
  "close.sheet": "Das Ergebnis wird öffentlich, und die Stimmzettelliste kann erstellt werden.",
  "close.others": "Auch diese schließen, mit denselben Wählernummern: {names}",
  "close.act": "Wahl schließen",
  "close.done": { one: "Die Wahl ist geschlossen.", other: "Jetzt geschlossen: {names}." },
  "close.some": "Jetzt geschlossen: {names}. Nicht geschlossen: {others}. {why}",
  "revoke.title": "Nummern streichen",
  "revoke.text": "Etwa die eines verlorenen Briefs. Das geht, bis die Wahl geöffnet wird.",
  "revoke.file": "Eine Datei mit den Nummern",
  "revoke.fileHint": "Alle Nummern in ihrer Spalte voter_number werden gestrichen.",
  "revoke.numbers": "Oder die Nummern",
  "revoke.numbersHint": "Eine in jeder Zeile.",
  "revoke.act": "Diese Nummern streichen",
  "revoke.none": "Geben Sie mindestens eine Nummer ein.",
  "revoke.wrong": "Zeile {line} ist keine Wählernummer.",
  "revoke.done": {
    one: "{count} Nummer ist gestrichen.",
    other: "{count} Nummern sind gestrichen.",
  },
  "links.title": "Link erstellen",
  "links.role": "Für wen",
  "links.auditor": "Eine Prüfung",
  "links.auditorHint": "Sieht die Beteiligung, prüft das Journal und nimmt die Stimmzettelliste.",
  "links.registrar": "Eine Nummernvergabe",
  "links.registrarHint":
    "Vergibt Wählernummern, und streicht sie, bis die Wahl geöffnet wird.",
  "links.administration": "Eine Verwaltung",
  "links.administrationHint": "Tut in dieser Wahl alles, was Sie können.",
  "links.make": "Link erstellen",
  "links.shown":
    "Dieser Link wird einmal gezeigt. Wer ihn hat, kann das alles: Geben Sie ihn einer Person, \
auf einem \
Weg, den sonst niemand mitliest.",
  "open.once":
    "Dieser Link galt einmal, für diesen Tab, und öffnet nichts mehr. Lassen Sie den \
Tab offen, bis Sie fertig sind.",
  "open.busy":
    "Hier geschieht noch etwas. Warten Sie, bis es fertig ist, und öffnen Sie dann den Link.",
  "links.worksOnce": "Er gilt einmal",
  "links.worksOnceHint":
    "Für einen Link in einer Mail oder einem Brief: Wer ihn zuerst öffnet, \
kann das alles, solange die Seite offen bleibt, und danach kann ihn niemand mehr benutzen.",
  "links.address": "Link",
  "links.copy": "Kopieren",
  "links.copied": "Kopiert.",
  "links.save": "Als Datei speichern",
  "links.end": "Diesen Link beenden",
  "links.ended": "Dieser Link öffnet nichts mehr.",
  "endLink.title": "Link beenden",
  "endLink.link": "Der Link",
  "endLink.linkHint": "Fügen Sie ihn ein. Er wird nur an diesen Server gesendet.",
  "endLink.how": "Was geschehen soll",
  "endLink.revoke": "Beenden",
  "endLink.revokeHint":
    "Er öffnet nichts mehr, und auch keiner, der daraus erstellt wurde. Damit vergebene Nummern \
gelten weiter.",
  "endLink.void": "Beenden, und die damit vergebenen Nummern streichen",
  "endLink.voidHint":
    "Für einen verlorenen Link zur Nummernvergabe. Nummern, die abgestimmt haben, bleiben; alle \
anderen sind dann unbekannt. Das geht bis zur Schließung.",
  "endLink.act": "Link beenden",
  "endLink.done": "Der Link öffnet nichts mehr.",
  "endLink.voided": {
    one: "Der Link öffnet nichts mehr, und {count} Nummer ist gestrichen.",
    other: "Der Link öffnet nichts mehr, und {count} Nummern sind gestrichen.",
  },
};
