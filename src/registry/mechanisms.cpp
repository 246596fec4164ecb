// The one list of every room.
#include "wye/memory/posix_shm.hpp"
#include "wye/memory/sysv_shm.hpp"
#include "wye/registry/open.hpp"
#include "wye/sync/posix_semaphore.hpp"
#include "wye/sync/shm_semaphore.hpp"
#include "wye/sync/signals.hpp"
#include "wye/sync/sysv_semaphore.hpp"
#include "wye/transport/exec.hpp"
#include "wye/transport/fd.hpp"
#include "wye/transport/fifo.hpp"
#include "wye/transport/file_log.hpp"
#include "wye/transport/nats.hpp"
#include "wye/transport/pipe.hpp"
#include "wye/transport/posix_mq.hpp"
#include "wye/transport/shm_ring.hpp"
#include "wye/transport/socketpair.hpp"
#include "wye/transport/sysv_mq.hpp"
#include "wye/transport/tcp.hpp"
#include "wye/transport/tls.hpp"
#include "wye/transport/udp.hpp"
#include "wye/transport/unix.hpp"

namespace wye {

std::span<const Mechanism* const> mechanisms() noexcept {
    // In the order of the table of means, a line each.
    // clang-format off
    static constexpr const Mechanism* all[] = {
        &file_log_mechanism,
        &signal_mechanism,
        &sysv_semaphore_mechanism,
        &posix_semaphore_mechanism,
        &shm_semaphore_mechanism,
        &sysv_shm_mechanism,
        &posix_shm_mechanism,
        &sysv_mq_mechanism,
        &posix_mq_mechanism,
        &pipe_mechanism,
        &fifo_mechanism,
        &socketpair_mechanism,
        &unix_mechanism,
        &tcp_mechanism,
#ifdef WYE_TLS
        &tls_mechanism,
#endif
        &udp_mechanism,
        &shm_ring_mechanism,
        &nats_mechanism,
        &fd_mechanism,
        &exec_mechanism,
    };
    // clang-format on
    return all;
}

}  // namespace wye
