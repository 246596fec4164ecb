// gRPC over a Unix socket, by the synchronous interface and the stubs that protoc writes.
#include "peer.hpp"

#include <bench.grpc.pb.h>
#include <grpcpp/grpcpp.h>
#include <sys/mman.h>
#include <unistd.h>

#include <condition_variable>
#include <cstring>
#include <mutex>
#include <optional>

using namespace wye::peers;
namespace bench = wye::bench;

namespace {

using Stream = grpc::ServerReaderWriter<bench::Message, bench::Message>;

std::size_t copied(const std::string& from, wye::MutBytes to) {
    const auto n = std::min(from.size(), to.size());
    std::memcpy(to.data(), from.data(), n);
    return n;
}

class Service : public bench::Peer::Service {
public:
    grpc::Status Ask(grpc::ServerContext*, const bench::Message* question, bench::Message* answer) override {
        answer->set_data(question->data());
        return grpc::Status::OK;
    }
    // The stream is whose End has it, until that is gone.
    grpc::Status Talk(grpc::ServerContext*, Stream* s) override {
        std::unique_lock lock(mutex_);
        streams_.push_back(s);
        changed_.notify_all();
        changed_.wait(lock, [&] { return over_; });
        return grpc::Status::OK;
    }
    std::vector<Stream*> await_streams(unsigned n) {
        std::unique_lock lock(mutex_);
        if (!changed_.wait_for(lock, std::chrono::seconds(5), [&] { return streams_.size() >= n; }))
            fail("gRPC", "no client in 5 s");
        return streams_;
    }
    void end() {
        const std::lock_guard lock(mutex_);
        over_ = true;
        changed_.notify_all();
    }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<Stream*> streams_;
    bool over_ = false;
};

class Serving : public End {
public:
    explicit Serving(const std::string& address) {
        grpc::ServerBuilder b;
        b.AddListeningPort(address, grpc::InsecureServerCredentials());
        b.SetMaxReceiveMessageSize(-1);
        b.RegisterService(&service_);
        server_ = b.BuildAndStart();
        if (!server_) fail("grpc::ServerBuilder", "cannot listen at " + address);
    }
    ~Serving() override {
        service_.end();
        server_->Shutdown(std::chrono::system_clock::now());
    }
    void await_streams(unsigned n) { streams_ = service_.await_streams(n); }
    void send(wye::Bytes b) override {
        message_.set_data(b.data(), b.size());
        for (auto* s : streams_)
            if (!s->Write(message_)) fail("ServerReaderWriter::Write", "the stream is closed");
    }
    std::size_t recv(wye::MutBytes into, bool) override {
        if (!streams_[0]->Read(&message_)) fail("ServerReaderWriter::Read", "the stream is closed");
        return copied(message_.data(), into);
    }
    void serve(wye::MutBytes) override { pause(); }  // gRPC's own threads do

private:
    Service service_;
    std::unique_ptr<grpc::Server> server_;
    std::vector<Stream*> streams_;
    bench::Message message_;
};

std::unique_ptr<bench::Peer::Stub> connected(const std::string& address) {
    grpc::ChannelArguments a;
    a.SetMaxReceiveMessageSize(-1);
    return bench::Peer::NewStub(grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), a));
}

class Talking : public End {
public:
    explicit Talking(const std::string& address) : stub_(connected(address)), stream_(stub_->Talk(&context_)) {}
    ~Talking() override { context_.TryCancel(); }
    void send(wye::Bytes b) override {
        message_.set_data(b.data(), b.size());
        if (!stream_->Write(message_)) fail("ClientReaderWriter::Write", "the stream is closed");
    }
    std::size_t recv(wye::MutBytes into, bool) override {
        if (!stream_->Read(&message_)) fail("ClientReaderWriter::Read", "the stream is closed");
        return copied(message_.data(), into);
    }

private:
    grpc::ClientContext context_;
    std::unique_ptr<bench::Peer::Stub> stub_;
    std::unique_ptr<grpc::ClientReaderWriter<bench::Message, bench::Message>> stream_;
    bench::Message message_;
};

class Asking : public End {
public:
    explicit Asking(const std::string& address) : stub_(connected(address)) {}
    void send(wye::Bytes b) override {
        question_.set_data(b.data(), b.size());
        grpc::ClientContext context;
        const auto r = stub_->Ask(&context, question_, &answer_);
        if (!r.ok()) fail("Ask", r.error_message());
    }
    std::size_t recv(wye::MutBytes into, bool) override { return copied(answer_.data(), into); }

private:
    std::unique_ptr<bench::Peer::Stub> stub_;
    bench::Message question_, answer_;
};

class Grpc : public Means {
public:
    Grpc() {
        name = "grpc", group = "peer", version = grpc::Version(), shapes = duel | fan | request;
        polls = false, own_threads = true;
        largest = 256u << 20;
        summary =
            "HTTP/2 over an abstract Unix socket without TLS, a message with a field of bytes, the synchronous "
            "interface: a stream both ways, one from each of many, or unary calls";
    }
    void prepare(Shape, unsigned parties) override {
        address_ = "unix-abstract:" + fresh_name(), others_ = parties - 1;
        void* p = mmap(nullptr, sizeof *listening_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (p == MAP_FAILED) fail("mmap");
        listening_ = new (p) std::atomic<bool>(false);
    }
    std::unique_ptr<End> open(Role r, unsigned) override {
        if (r == Role::second || r == Role::publisher || r == Role::server) {
            auto end = std::make_unique<Serving>(address_);
            *listening_ = true;
            if (r != Role::server) end->await_streams(r == Role::second ? 1 : others_);
            return end;
        }
        // Who is refused looks again after a second.
        await("gRPC: no server", [this] { return listening_->load(); });
        if (r == Role::client) return std::make_unique<Asking>(address_);
        return std::make_unique<Talking>(address_);
    }
    void clean() noexcept override { munmap(listening_, sizeof *listening_); }

private:
    std::string address_;
    unsigned others_ = 1;
    std::atomic<bool>* listening_ = nullptr;
};

}  // namespace

int main(int argc, char** argv) { return peer_main(argc, argv, all_of<Grpc>()); }
