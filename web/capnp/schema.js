// Written by `cargo run -p capvote-tables` from schema/*.capnp; types.js says how to read it.

import { define } from "./types.js";

export const types = define(`
struct CandidateVotes 1 1
 candidate text 0
 votes u64 0
struct Count 4 6
 candidates [text] 0
 elected [text] 1
 verdict Verdict 0
 ballots u64 1
 marked u64 2
 voters u64 3
 rounds [Round] 2
 pairs Pairs 3
 lots [Lot] 4
 election text 5
interface Directory b0227e2aa20db42c
 elections
 <0 1
 elections [ElectionInfo] 0
 election
 >0 1
 id text 0
 <0 1
 election Election 0
 lineCounter
 <0 1
 counter LineCounter 0
 restore
 >0 1
 token data 0
 <0 1
 capability cap 0
interface Election d4b48ec78f7570d3
 vote
 >2 4
 candidate text 0
 voterNumber u64 0
 messages MessageSink 1
 nonce data 2
 solution u64 1
 padding data 3
 <0 1
 outcome VoteOutcome 0
 result
 >0 2
 candidate text 0
 padding data 1
 <2 2
 candidate text 0
 votes u64 0
 status ResultStatus 4
 padding data 1
 results
 <0 1
 results Results 0
 watch
 >0 1
 observer ResultObserver 0
 <0 1
 subscription Handle 0
 info
 <0 1
 info ElectionInfo 0
 cast
 >2 4
 marks [u16] 0
 voterNumber u64 0
 messages MessageSink 1
 nonce data 2
 solution u64 1
 padding data 3
 <0 1
 outcome VoteOutcome 0
 count
 <0 1
 count Count 0
struct ElectionInfo 7 7
 id text 0
 title text 1
 candidates [text] 2
 state ElectionState 0
 voters u64 1
 addedWhileOpen u64 2
 blank bool 16
 publication Publication 2
 opens u64 3
 closes u64 4
 ledger data 3
 epoch u64 5
 restored u64 6
 unconfirmed bool 17
 rules Rules 4
 roll text 5
 servers [text] 6
enum ElectionState unspecified draft open closed
interface Handle d3a0af8cccd38d50
interface LineCounter e06d0bf578783f34
 countLines
 >0 2
 file RemoteFile 0
 lines LineSink 1
 <1 0
 count u64 0
interface LineSink 8c3c6626f15c0dd2
 lines
 >0 1
 lines [data] 0
 <StreamResult
 done
struct Lot 1 1
 order [text] 0
 decided LotUse 0
 seats u16 1
enum LotUse unspecified seats surplus exclusion
interface MessageSink 87dc5225839c32cf
 message
 >0 2
 text text 0
 padding data 1
enum Method unspecified plurality transferable schulze
struct Pairs 0 4
 preferred [[u64]] 0
 paths [[Strength]] 1
 dropped [text] 2
 places [[text]] 3
enum Publication unspecified live sealed
struct Puzzle 1 1
 challenge data 0
 bits u8 0
struct Receipt 1 7
 commitment text 0
 election text 1
 candidate text 2
 nonce data 3
 padding data 4
 ledger data 5
 epoch u64 0
 marks [u16] 6
interface RemoteFile 876c07d6294707e4
 read
 >2 0
 offset u64 0
 length u32 2
 <0 1
 data data 0
interface ResultObserver d308559f0b319d47
 changed
 >0 1
 results Results 0
 <StreamResult
 done
enum ResultStatus unspecified provisional sealed final unknownCandidate
struct Results 2 4
 election text 0
 status ResultStatus 0
 candidates [CandidateVotes] 1
 turnout Turnout 2
 blank u64 1
 elected [text] 3
 verdict Verdict 1
struct Round 5 6
 step Step 0
 from text 0
 surplus u64 1
 votes [u64] 1
 statuses [Status] 2
 elected [text] 3
 needed u64 2
 exhausted u64 3
 lost u64 4
 empty u16 1
 lots [u16] 4
 words text 5
struct Rules 1 2
 method Method 0
 seats u16 1
 marks u16 2
 majority Share 0
 quorum Share 1
 none bool 48
struct Share 2 0
 numerator u32 0
 denominator u32 1
 atLeast bool 64
 of Whole 5
enum Status unspecified continuing elected excluded defeated
enum Step unspecified first surplus exclusion remaining
struct StreamResult 0 0
struct Strength 2 0
 wins u64 0
 against u64 1
struct Turnout 2 0
 ballots u64 0
 voters u64 1
enum Verdict unspecified decided noQuorum noMajority vacant
struct VoteOutcome 1 2 ?0
 unspecified void 0 @0
 recorded Receipt 0 @1
 alreadyVoted void 0 @2
 unknownVoterNumber void 0 @3
 unknownCandidate [text] 0 @4
 notOpen void 0 @5
 closed void 0 @6
 throttled u32 1 @7
 invalidBallot text 0 @8
 puzzle Puzzle 1
 unconfirmed bool 16
enum Whole unspecified marked ballots roll one
`);

export const {
  Directory, Election, Handle, LineCounter, LineSink, MessageSink, RemoteFile, ResultObserver,
} = types;
