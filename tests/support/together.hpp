// What processes of a test agree by: a page they share, and a gate that one waits at and another opens.
#pragma once
#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <unistd.h>

#include <new>

namespace wye::test {

/// A T in memory that processes forked later share.
template <class T>
class Shared {
public:
    Shared() : value_(new(::mmap(nullptr, sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)) T{}) {}
    ~Shared() { ::munmap(value_, sizeof(T)); }
    Shared(const Shared&) = delete;
    Shared& operator=(const Shared&) = delete;
    T* operator->() const { return value_; }
    T& operator*() const { return *value_; }

private:
    T* value_;
};

/// A word that is handed over: wait() sleeps until some process, this or a forked one, gives it. 0: nobody did, in a
/// minute.
class Gate {
public:
    Gate() {
        if (::pipe2(ends_, O_CLOEXEC) != 0) throw std::bad_alloc();
    }
    ~Gate() { ::close(ends_[0]), ::close(ends_[1]); }
    Gate(const Gate&) = delete;
    Gate& operator=(const Gate&) = delete;
    bool open(int word = 1) const { return ::write(ends_[1], &word, sizeof word) == sizeof word; }
    int wait() const {
        int word = 0;
        pollfd p{ends_[0], POLLIN, 0};
        while (::poll(&p, 1, 60'000) < 0) {}  // EINTR
        if (p.revents & POLLIN)
            while (::read(ends_[0], &word, sizeof word) < 0) {}
        return word;
    }

private:
    int ends_[2];
};

}  // namespace wye::test
