// libnats, made to behave in a program that is not its own: loading, SIGPIPE and fork().
#pragma once
#include "wye/base/error.hpp"

#include "os/fork.hpp"
#include "os/sigpipe.hpp"

#include <nats/nats.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <thread>

namespace wye::nats {

/// Loaded and opened when it is first wanted, and never closed. In the child of a process that had it open, whose
/// threads are not there, a copy of its own is loaded, so that a child can connect as its parent did.
Result<> open_library();

// Every function of it that is used here. None is linked: it is wanted only by who opens nats:, and can be loaded
// twice.
// clang-format off
#define WYE_NATS_CALLS(X) \
    X(jsConsumerConfig_Init) X(jsConsumerInfo_Destroy) X(jsStreamInfo_Destroy) X(jsPubAck_Destroy) \
    X(jsCtx_Destroy) X(jsOptions_Init) X(jsPubOptions_Init) X(jsStreamConfig_Init) X(js_AddConsumer) \
    X(js_AddStream) X(js_GetConsumerInfo) X(js_GetStreamInfo) X(js_PublishMsg) X(natsConnection_Connect) X(natsConnection_Close) \
    X(natsConnection_Destroy) X(natsConnection_FlushTimeout) X(natsConnection_GetLastError) \
    X(natsConnection_GetMaxPayload) X(natsConnection_JetStream) X(natsConnection_Publish) \
    X(natsConnection_PublishMsg) X(natsConnection_PublishRequest) X(natsConnection_QueueSubscribe) \
    X(natsConnection_RequestMsg) X(natsConnection_Subscribe) X(natsInbox_Create) X(natsInbox_Destroy) \
    X(natsMsgHeader_Get) X(natsMsgHeader_Set) X(natsMsg_Create) X(natsMsg_Destroy) X(natsMsg_GetData) \
    X(natsMsg_GetDataLength) X(natsMsg_GetReply) X(natsMsg_GetSubject) X(natsOptions_Create) \
    X(natsOptions_Destroy) X(natsOptions_LoadCATrustedCertificates) X(natsOptions_LoadCertificatesChain) \
    X(natsOptions_SetAllowReconnect) X(natsOptions_SetClosedCB) X(natsOptions_SetDisconnectedCB) \
    X(natsOptions_SetErrorHandler) X(natsOptions_SetFailRequestsOnDisconnect) \
    X(natsOptions_SetIgnoreDiscoveredServers) X(natsOptions_SetMaxPingsOut) X(natsOptions_SetMaxReconnect) \
    X(natsOptions_SetNKey) X(natsOptions_SetName) X(natsOptions_SetNoEcho) X(natsOptions_SetPingInterval) \
    X(natsOptions_SetReconnectJitter) X(natsOptions_SetReconnectWait) X(natsOptions_SetReconnectedCB) \
    X(natsOptions_SetSecure) X(natsOptions_SetSendAsap) X(natsOptions_SetServers) X(natsOptions_SetTimeout) \
    X(natsOptions_SetUserCredentialsCallbacks) X(natsOptions_SetUserInfo) X(natsOptions_UseGlobalMessageDelivery) \
    X(natsStatus_GetText) X(natsSubscription_Destroy) X(natsSubscription_SetOnCompleteCB) \
    X(natsSubscription_SetPendingLimits) X(natsSubscription_DrainTimeout) X(natsSubscription_DrainCompletionStatus) X(nats_GetLastError) X(nats_Open) \
    X(nats_Sign)
// clang-format on
struct Library {
#define WYE_NATS_MEMBER(name) decltype(&::name) name = nullptr;
    WYE_NATS_CALLS(WYE_NATS_MEMBER)
#undef WYE_NATS_MEMBER
};
namespace loaded {
extern std::atomic<const Library*> now;
}
/// The one of this process: null functions before open_library().
inline const Library& lib() noexcept { return *loaded::now.load(std::memory_order_acquire); }

/// What a failed call was, with the library's own words where it has some.
Error error(natsStatus, const char* op, std::string_view subject = {}, std::string_view more = {});
inline std::unexpected<Error> fail(natsStatus s, const char* op, std::string_view subject = {},
                                   std::string_view more = {}) {
    return std::unexpected(error(s, op, subject, more));
}

template <auto Destroy>
struct Destroyer {
    template <class T>
    void operator()(T* p) const noexcept {
        (lib().*Destroy)(p);
    }
};
template <class T, auto Destroy>
using Owned = std::unique_ptr<T, Destroyer<Destroy>>;
using Options = Owned<natsOptions, &Library::natsOptions_Destroy>;
using Msg = Owned<natsMsg, &Library::natsMsg_Destroy>;

/// libnats waits in milliseconds; rounded up, so that a wait does not end before its deadline.
template <class Duration>
int64_t milliseconds_of(Duration d) {
    return std::chrono::ceil<std::chrono::milliseconds>(d).count();
}

}  // namespace wye::nats
