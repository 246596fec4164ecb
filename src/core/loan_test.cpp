#include "wye/core/loan.hpp"

#include "support/support.hpp"

using namespace wye;

namespace {

struct Book final : Loan::Owner, Lease::Owner {
    std::vector<std::uint64_t> committed, cancelled, released;
    Result<> commit(MutBytes, std::uint64_t token) override { return committed.push_back(token), Result<>(); }
    void cancel(MutBytes, std::uint64_t token) noexcept override { cancelled.push_back(token); }
    void release(Bytes, std::uint64_t token) noexcept override { released.push_back(token); }
};
using Tokens = std::vector<std::uint64_t>;

}  // namespace

TEST(Loan, is_sent_by_commit_alone) {
    Book book;
    alignas(8) std::byte place[16];
    {
        Loan loan(book, place, 7);
        loan.as<std::uint32_t>() = 42;
        EXPECT_EQ(loan.bytes().size(), 16u);
        WYE_ASSERT_OK(std::move(loan).commit());
    }
    EXPECT_EQ(book.committed, Tokens{7});
    EXPECT_TRUE(book.cancelled.empty());
}

TEST(Loan, dropping_it_unsends_once_whoever_holds_it_last) {
    Book book;
    std::byte place[4];
    {
        Loan a(book, place, 1);
        Loan b = std::move(a);
        Loan c(book, place, 2);
        c = std::move(b);
        EXPECT_EQ(book.cancelled, Tokens{2}) << "what it held before is given back";
    }
    EXPECT_EQ(book.cancelled, (Tokens{2, 1}));
    EXPECT_TRUE(book.committed.empty());
}

TEST(Lease, gives_its_place_back_once) {
    Book book;
    std::byte place[4];
    {
        Lease a(book, place, 1);
        Lease b = std::move(a);
        Lease c(book, place, 2);
        c = std::move(b);
        EXPECT_EQ(book.released, Tokens{2});
    }
    EXPECT_EQ(book.released, (Tokens{2, 1}));
}

TEST(Lease, checks_the_size_and_alignment_that_another_process_chose) {
    Book book;
    alignas(8) std::byte place[16]{};
    EXPECT_TRUE(Lease(book, Bytes(place).first(8)).as<std::uint64_t>());
    WYE_EXPECT_ERRC(Errc::mismatch, Lease(book, Bytes(place).first(7)).as<std::uint64_t>());
    WYE_EXPECT_ERRC(Errc::mismatch, Lease(book, Bytes(place).first(9)).as<std::uint64_t>());
    WYE_EXPECT_ERRC(Errc::mismatch, Lease(book, Bytes(place).subspan(1, 8)).as<std::uint64_t>());
}
