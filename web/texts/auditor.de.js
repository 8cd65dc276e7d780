/** The texts of the auditor’s page, in German. */

export const texts = {
  "audit.title": "Auszählung prüfen",
  "audit.intro":
    "Diese Seite zählt eine Stimmzettelliste noch einmal aus, mit eigenem Code, auf Ihrem \
Gerät. Keine Datei, die Sie ihr geben, wird gesendet.",
  "audit.files": "Stimmzettelliste und Belege",
  "audit.filesHint":
    "Dateien auswählen oder hier ablegen: eine Liste in CSV oder JSON, wie die \
Wahlleitung sie veröffentlicht hat, und Belegdateien, falls Sie welche haben. Öffnen Sie die Liste \
vorher nicht in einer Tabellenkalkulation.",
  "audit.receipts": "Oder Belege eingeben",
  "audit.receiptsHint":
    "Einer in jeder Zeile: acht Gruppen aus vier Buchstaben und Ziffern. Mit oder \
ohne Trennzeichen.",
  "audit.look": "Diese Belege suchen",
  "audit.working": "Lesen und zählen: {percent} %",
  "audit.sound": "Die Liste ist in Ordnung",
  "audit.contradicts": "Die Liste widerspricht sich",
  "audit.refused": "Das ist keine gültige Stimmzettelliste",
  "audit.rewritten": "Ein Programm hat diese Datei verändert",
  "audit.read": {
    one: "{count} Stimmzettel ist in {name}. Der Beleg passt dazu, und die Datei ist bis auf das \
Byte so \
geschrieben, wie Listen es sind. Das dauerte {seconds} s.",
    other:
      "{count} Stimmzettel sind in {name}. Jeder Beleg passt zu seinem Stimmzettel, und die Datei \
ist bis auf das Byte so geschrieben, wie Listen es sind. Das dauerte {seconds} s.",
  },
  "audit.restored":
    "Die Wahl wurde aus einer Sicherung wiederhergestellt, in Epoche {epoch} ihres \
Journals: Stimmen, die nach der Sicherung gespeichert wurden, fehlen, wenn sie nicht noch einmal \
gesendet wurden.",
  "audit.election": "Wahl",
  "audit.name": "Titel",
  "audit.voters": "Wählernummern im Verzeichnis",
  "audit.fingerprint":
    "Der Fingerabdruck der Datei (SHA-256). Vergleichen Sie ihn mit dem \
veröffentlichten:",
  "audit.noHeader":
    "Eine CSV-Datei wie diese führt nur die Stimmzettel auf. Namen ohne Stimmen stehen nicht darin, \
und auch nicht, wie viele Stimmzettel es sein müssen: Vergleichen Sie ihre Zahl mit der \
Beteiligung. In der JSON-Datei derselben Liste stehen die Namen und eine Prüfsumme über alle \
Stimmzettel.",
  "audit.noCount": "Sie kann nicht ausgezählt werden: Es steht nicht darin, wer zur Wahl stand.",
  "audit.atLine": "Zeile {line}: ",
  "audit.atBallot": "Stimmzettel {ballot}: ",
  "audit.advice.changed": "Vertrauen Sie ihr nicht, und bitten Sie die Wahlleitung um eine andere.",
  "audit.advice.rewritten":
    "Holen Sie die Datei noch einmal, wie sie veröffentlicht wurde, und öffnen \
Sie sie vorher in keinem anderen Programm.",
  "audit.advice.unreadable":
    "Holen Sie die Datei noch einmal, wie sie veröffentlicht wurde. Ist sie dann \
dieselbe, vertrauen Sie ihr nicht.",
  "audit.receiptsTitle": "Belege",
  "audit.receiptsFull": {
    one: "{count} Beleg wird auf einmal gesucht.",
    other: "{count} Belege werden auf einmal gesucht, und nicht mehr. Für andere laden Sie neu.",
  },
  "audit.needsSheet": "Geben Sie der Seite eine Stimmzettelliste, in der sie suchen kann.",
  "audit.waits": "Wartet auf eine Liste.",
  "audit.noReceipt":
    "Das ist kein Beleg: Der hat acht Gruppen aus je vier der Buchstaben A bis Z und der \
Ziffern 2 bis 7.",
  "audit.found": "Gezählt: Es ist Stimmzettel {place} der Liste, und für {vote}.",
  "audit.otherVote": "Trauen Sie dieser Datei nicht: Ihr Beleg ist der von Stimmzettel {place}, für \
{vote}, und nicht der zu der Stimme, die in der Datei steht.",
  "audit.blank": "niemanden (ein leerer Stimmzettel)",
  "audit.notFound": {
    one: "Nicht in der Liste, die {count} Stimmzettel hat. Bewahren Sie den Beleg auf, und gehen \
Sie damit \
zur Wahlleitung und zur Wahlbeobachtung.",
    other:
      "Nicht unter den {count} Stimmzetteln der Liste. Bewahren Sie den Beleg auf, und gehen Sie \
damit \
zur Wahlleitung und zur Wahlbeobachtung.",
  },
  "audit.notFoundRestored": {
    one: "Nicht in der Liste. Die Wahl wurde aus einer Sicherung wiederhergestellt, vielleicht \
nach dieser \
Stimme. Bewahren Sie den Beleg auf, und gehen Sie damit zur Wahlleitung.",
    other:
      "Nicht unter den {count} Stimmzetteln der Liste. Die Wahl wurde aus einer Sicherung \
wiederhergestellt, vielleicht nach dieser Stimme. Bewahren Sie den Beleg auf, und gehen Sie damit \
zur \
Wahlleitung.",
  },
  "audit.otherElection":
    "Das ist der Beleg der Wahl {other}, und die Liste ist die der Wahl {election}.",

  "recount.result": "Das Ergebnis",
  "recount.nobody": "Niemand ist gewählt.",
  "recount.elected": { one: "Gewählt: {names}.", other: "Gewählt: {names}." },
  "recount.noQuorum": "Es wurden zu wenige Stimmzettel abgegeben.",
  "recount.noMajority": "Niemand hat die Mehrheit.",
  "recount.vacant": { one: "{count} Sitz bleibt leer.", other: "{count} Sitze bleiben leer." },
  "recount.votes": "Stimmen",
  "recount.paths": "Stärke der stärksten Pfade",
  "recount.pathsText":
    "Siege führen von Name zu Name. Ein Pfad ist so stark wie sein schwächster Sieg: die \
Stimmzettel dafür, und die dagegen.",
  "lots.seats": {
    one: "Der erste Name hat den Sitz.",
    other: "Die ersten {count} haben die Sitze.",
  },
  "lots.surplus": "Der Überschuss des ersten Namens wird zuerst weitergegeben.",
  "lots.exclusion": "Der letzte Name scheidet aus.",
  "lots.text":
    "Das Los ist die Reihenfolge von SHA-256-Werten über alle Belege und einen Namen. Diese \
Seite hat es aus der Liste noch einmal gezogen.",

  "compare.heading": "Neben dem, was der Server sagt",
  "compare.table": "Die Auszählung dieser Seite und die des Servers",
  "compare.what": "Was",
  "compare.own": "Diese Seite, aus der Liste",
  "compare.server": "Der Server",
  "compare.same": "Gleich?",
  "compare.yes": "ja",
  "compare.no": "nein",
  "compare.allSame": {
    one: "Der Server sagt dasselbe.",
    other: "Der Server sagt in allen {count} Punkten dasselbe.",
  },
  "compare.others": {
    one: "Der Server sagt in {count} Punkt etwas anderes.",
    other: "Der Server sagt in {count} Punkten etwas anderes.",
  },
  "compare.notClosed": "Auf dem Server ist diese Wahl nicht geschlossen.",
  "compare.hint":
    "Bei Runden, Vergleichen und Losen steht, wie viele beide gleich haben. Die beiden \
Programme teilen keinen Code für das Zählen.",
  "compare.election": "Wahl",
  "compare.title": "Titel",
  "compare.slate": "Namen",
  "compare.rules": "Regeln",
  "compare.voters": "Wahlberechtigte",
  "compare.ballots": "Stimmzettel",
  "compare.blank": "Leere Stimmzettel",
  "compare.elected": "Gewählt",
  "compare.verdict": "Entscheidung",
  "compare.rounds": "Runden",
  "compare.pairs": "Vergleiche und Pfade",
  "compare.lots": "Lose",
  "compare.is.decided": "entschieden",
  "compare.is.noQuorum": "nicht beschlussfähig",
  "compare.is.noMajority": "keine Mehrheit",
  "compare.is.vacant": "ein Sitz bleibt leer",
  "compare.is.unspecified": "noch keine",

  "server.title": "Mit einem Prüflink",
  "server.holds": "Ich habe einen Prüflink",
  "server.link": "Prüflink",
  "server.linkHint":
    "Fügen Sie ihn hier ein. Er wird nur an diesen Server gesendet und nirgends \
aufbewahrt.",
  "server.open": "Link öffnen",
  "server.again": "Den Server noch einmal fragen",
  "server.notClosed": "Eine Stimmzettelliste gibt es erst, wenn die Wahl geschlossen ist.",
  "server.sheet": "Die Liste vom Server nehmen",
  "server.check": "Das Journal des Servers prüfen",
  "server.turnout": "Nach der Beteiligung fragen",
  "server.busy.open": "Der Link wird geöffnet …",
  "server.busy.sheet": "Die Liste wird geholt …",
  "server.busy.check": "Der Server liest sein Journal zurück. Das kann Minuten dauern.",
  "server.busy.turnout": "Wird gefragt …",
  "server.sound":
    "Die Hashkette des Servers hält, und es gibt so viele Stimmzettel wie benutzte Nummern.",
  "server.unsound":
    "Es gibt nicht so viele Stimmzettel wie benutzte Nummern. Lassen Sie das Journal \
untersuchen.",
  "server.report":
    "{entries} Einträge; {ballots} gespeicherte Stimmzettel; {numbers} Nummern haben \
abgestimmt.",
  "server.head": "Das Ende der Kette. Schreiben Sie es auf, um jede spätere Änderung zu bemerken:",
  "server.unscrubbed":
    "Der Schlüssel der Stimmzettel ist noch nicht vernichtet: Im Protokoll des Servers \
steht, warum.",

  "proof.title": "Was das zeigt",
  "proof.is.1":
    "Das Ergebnis ist die Summe der Stimmzettel in der Liste: Diese Seite hat sie nach den \
veröffentlichten Regeln noch einmal gezählt.",
  "proof.is.2":
    "Jeder Stimmzettel in der Liste passt zu seinem Beleg. Ein veränderter hätte einen anderen, \
und wer ihn abgab, würde den eigenen vermissen.",
  "proof.is.3": "Ein gefundener Beleg wurde für das gezählt, was da steht.",
  "proof.is.4": "Haben alle denselben Fingerabdruck, dann haben alle dieselbe Liste.",
  "proof.notTitle": "Was es nicht zeigt",
  "proof.not.1":
    "Dass keine Stimmzettel für Leute hinzukamen, die nicht abgestimmt haben. Wer unbenutzte \
Wählernummern hatte, konnte damit abstimmen: Vergleichen Sie die Beteiligung mit dem, was Sie \
wissen.",
  "proof.not.2":
    "Dass kein Stimmzettel weggelassen wurde. Das bemerkt, wessen Beleg fehlt, und wer die \
Zahl der Stimmzettel mit der Beteiligung vergleicht.",
  "proof.not.3":
    "Dass nur Berechtigte abgestimmt haben: Wer eine Nummer hat, kann mit ihr abstimmen.",
  "proof.not.4":
    "Dass bei Gleichstand der Zufall entschied, wenn der Betrieb des Servers und die Vergabe \
der Nummern zusammenarbeiten.",
  "proof.not.5":
    "Dass niemand erfuhr, wer wen wählte. Ein Beleg mit seinen Zufallsbytes zeigt es allen, \
die beides haben.",
  "proof.own":
    "Diese Seite kommt von dem Server, den sie prüft. Um davon unabhängig zu sein, zählen Sie \
dieselbe Liste mit capvote-client recount auf einem eigenen Gerät.",
};
