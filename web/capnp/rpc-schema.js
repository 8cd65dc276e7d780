// Written by `cargo run -p capvote-tables` from capnp-rpc; types.js says how to read it.

import { define } from "./types.js";

export const types = define(`
struct Bootstrap 1 1
 questionId u32 0
 deprecatedObjectId any 0
struct Call 3 3
 questionId u32 0
 target MessageTarget 0
 interfaceId u64 1
 methodId u16 2
 allowThirdPartyTailCall bool 128
 noPromisePipelining bool 129
 onlyPromisePipeline bool 130
 params Payload 1
 sendResultsTo {Call.sendResultsTo} 0
struct Call.sendResultsTo 3 3 ?3
 caller void 0 @0
 yourself void 0 @1
 thirdParty any 2 @2
struct CapDescriptor 1 1 ?0
 none void 0 @0
 senderHosted u32 1 @1
 senderPromise u32 1 @2
 receiverHosted u32 1 @3
 receiverAnswer PromisedAnswer 0 @4
 thirdPartyHosted ThirdPartyCapDescriptor 0 @5
 attachedFd u8 2 =255
struct Disembargo 1 1
 target MessageTarget 0
 context {Disembargo.context} 0
struct Disembargo.context 1 1 ?2
 senderLoopback u32 0 @0
 receiverLoopback u32 0 @1
struct Exception 1 2
 reason text 0
 type Exception.Type 2
 trace text 1
enum Exception.Type failed overloaded disconnected unimplemented
struct Finish 1 0
 questionId u32 0
 releaseResultCaps bool 32 =1
 requireEarlyCancellationWorkaround bool 33 =1
struct Message 1 1 ?0
 unimplemented Message 0 @0
 abort Exception 0 @1
 bootstrap Bootstrap 0 @8
 call Call 0 @2
 return Return 0 @3
 finish Finish 0 @4
 resolve Resolve 0 @5
 release Release 0 @6
 disembargo Disembargo 0 @13
struct MessageTarget 1 1 ?2
 importedCap u32 0 @0
 promisedAnswer PromisedAnswer 0 @1
struct Payload 0 2
 content any 0
 capTable [CapDescriptor] 1
struct PromisedAnswer 1 1
 questionId u32 0
 transform [PromisedAnswer.Op] 0
struct PromisedAnswer.Op 1 0 ?0
 noop void 0 @0
 getPointerField u16 1 @1
struct Release 1 0
 id u32 0
 referenceCount u32 1
struct Resolve 1 1 ?2
 promiseId u32 0
 cap CapDescriptor 0 @0
 exception Exception 0 @1
struct Return 2 1 ?3
 answerId u32 0
 releaseParamCaps bool 32 =1
 noFinishNeeded bool 33
 results Payload 0 @0
 exception Exception 0 @1
 canceled void 0 @2
 resultsSentElsewhere void 0 @3
 takeFromOtherQuestion u32 2 @4
struct ThirdPartyCapDescriptor 1 1
 id any 0
 vineId u32 0
`);
