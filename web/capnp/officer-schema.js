// Written by `cargo run -p capvote-tables` from schema/*.capnp; types.js says how to read it.

import { types as base } from "./schema.js";
import { define } from "./types.js";

export const types = define(`
struct ActOutcome 1 1 ?0
 unspecified void 0 @0
 done void 0 @1
 refused text 0 @2
interface Administration c6d74037b5134516 Savable
 open
 <0 1
 outcome ActOutcome 0
 close
 <0 1
 outcome ActOutcome 0
 election
 <0 1
 election Election 0
 registrar
 <0 1
 registrar Registrar 0
 auditor
 <0 1
 auditor Auditor 0
 confirm
 <0 1
 outcome ActOutcome 0
 voidNumbers
 >0 1
 token data 0
 <1 1
 outcome ActOutcome 0
 voided u64 0
interface Auditor 8d6c3e807f80dbc7 Savable
 turnout
 <0 1
 turnout Turnout 0
 tallySheet
 >0 1
 into TallySheetSink 0
 <0 1
 outcome ActOutcome 0
 checkLedger
 <0 1
 report LedgerReport 0
struct ElectionSpec 3 5
 id text 0
 title text 1
 candidates [text] 2
 publication Publication 0
 blank bool 16
 opens u64 1
 closes u64 2
 rules Rules 3
 roll text 4
struct LedgerReport 4 1
 entries u64 0
 ballots u64 1
 numbersUsed u64 2
 head data 0
 unscrubbed bool 192
interface Registrar b5dd1787cead3cea Savable
 issue
 >1 1
 count u32 0
 into VoterNumberSink 0
 <0 1
 outcome ActOutcome 0
 revokeNumbers
 >0 1
 numbers [u64] 0
 <0 1
 outcome ActOutcome 0
interface ReturningOfficer d98c796068a82761 Savable
 create
 >0 1
 spec ElectionSpec 0
 <0 2
 outcome ActOutcome 0
 administration Administration 1
 administer
 >0 1
 id text 0
 <0 1
 administration Administration 0
interface Savable 9c2e82f5cc67f5d7
 save
 >1 0
 once bool 0
 <0 1
 token data 0
 revoke
struct SheetLine 0 4
 candidate text 0
 nonce data 1
 commitment text 2
 marks [u16] 3
interface TallySheetSink eea6d84eb35fa8ad
 lines
 >0 1
 lines [SheetLine] 0
 <StreamResult
 done
interface VoterNumberSink f1f66fed49220e5c
 numbers
 >0 1
 numbers [u64] 0
 <StreamResult
 done
`, base);

export const {
  Administration, Auditor, Registrar, ReturningOfficer, Savable, TallySheetSink, VoterNumberSink,
} = types;
