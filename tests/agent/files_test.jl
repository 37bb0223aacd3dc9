include("driver.jl")

const ROOT = realpath(mktempdir())
path(parts...) = joinpath(ROOT, parts...)
names_of(reply) = sort([e["name"] for e in reply["entries"]])

@testset "directories and entries" begin
    @test call(:make_dir, E, path("a", "b"))["path"] == path("a", "b")
    @test call(:make_dir, E, path("a", "b"))["path"] == path("a", "b")
    write(path("a", "файл α.txt"), "text")
    listed = call(:files_list, E, path("a"))
    @test names_of(listed) == ["b", "файл α.txt"]
    entry = only_one([e for e in listed["entries"] if e["type"] == "file"])
    @test entry["size_bytes"] == 4 && entry["path"] == path("a", "файл α.txt") && entry["modified"] > 1.6e9
    @test call(:file_stat, E, path("a"))["type"] == "directory"
    missing_file = call(:file_stat, E, path("none"))
    @test missing_file["error"] == "file" && missing_file["path"] == path("none") && !isempty(missing_file["message"])
    symlink(path("none"), path("dangling"))
    @test call(:file_stat, E, path("dangling"))["type"] == "broken link"
    write(path("plain"), "")
    @test call(:make_dir, E, path("plain", "below"))["error"] == "file"
end

@testset "moving, copying, removing" begin
    write(path("one"), "1")
    write(path("two"), "2")
    @test call(:move, E, path("one"), path("two"))["error"] == "file"
    @test call(:move, E, path("one"), path("two"), true)["path"] == path("two")
    @test read(path("two"), String) == "1" && !ispath(path("one"))
    @test call(:move, E, path("two"), path("a"))["path"] == path("a", "two")      # into the directory
    @test call(:copy_file, E, path("a"), path("copied"))["path"] == path("copied")
    @test read(path("copied", "two"), String) == "1"
    @test call(:move, E, path("a"), path("a", "b"))["error"] == "file"
    @test call(:move, E, path("two"), path("nowhere", "x"))["error"] == "file"
    @test call(:remove, E, path("copied"))["error"] == "file"
    @test isdir(path("copied"))
    @test call(:remove, E, path("copied"), true)["path"] == path("copied")
    @test !ispath(path("copied"))
    @test call(:remove, E, path("dangling"))["path"] == path("dangling")
    @test call(:remove, E, "/", true)["error"] == "file"
end

@testset "finding" begin
    for name in ["x.jl", "y.jl", "z.txt", "sub/x.jl", "sub/deep/x.csv", "sub/[odd].jl"]
        mkpath(dirname(path("tree", name)))
        write(path("tree", name), "")
    end
    found(pattern) = sort([relpath(e["path"], path("tree")) for e in call(:find, E, path("tree"), pattern)["entries"]])
    @test found("*.jl") == ["sub/[odd].jl", "sub/x.jl", "x.jl", "y.jl"]
    @test found("x.*") == ["sub/deep/x.csv", "sub/x.jl", "x.jl"]
    @test found("sub/*") == ["sub/[odd].jl", "sub/deep", "sub/x.jl"]
    @test found("**/x.{jl,csv}") == ["sub/deep/x.csv", "sub/x.jl", "x.jl"]
    @test found("[xy].jl") == ["sub/x.jl", "x.jl", "y.jl"]
    @test found("[!xy]*.jl") == ["sub/[odd].jl"]
    @test found("?.txt") == ["z.txt"]
    @test found("nothing") == []
    @test call(:find, E, path("tree"), "{a")["error"] == "file"
end

@testset "the head of a file, checksums" begin
    write(path("text"), "αβγ")
    @test call(:read_head, E, path("text"))["text"] == "αβγ"
    head = call(:read_head, E, path("text"), 3)
    @test head["text"] == "α" && head["truncated"] && head["size_bytes"] == 6
    write(path("bin"), UInt8[0, 1, 255])
    @test call(:read_head, E, path("bin"))["binary"]
    @test call(:read_head, E, path("tree"))["error"] == "file"
    @test call(:sha256, E, path("text"))["sha256"] == bytes2hex(getfield(Main, Symbol(NAME)).SHA.sha256("αβγ"))
    open(file -> truncate(file, 250 * 2^20), path("big"), "w")
    call(:hello)                               # compiled: the first one alone may take as long as the checksum
    task = start_call(:sha256, E, path("big"))
    answered = 0
    while !istaskdone(task)
        call(:hello)
        answered += 1
    end
    @test answered > 3                         # other requests are answered between chunks
    @test reply_of(task)["size_bytes"] == 250 * 2^20
end

@testset "putting uploads in place" begin
    staging = path(".engee-kernel-upload-1")
    mkpath(staging); mkpath(path("target"))
    write(path("target", "old.txt"), "old")
    write(joinpath(staging, "0"), "new"); write(joinpath(staging, "1"), "second")
    pairs = ["0", path("target", "old.txt"), "1", path("target", "made", "second.txt")]
    done = call(:commit_upload, E, staging, pairs)
    @test done["paths"] == pairs[2:2:end]
    @test read(path("target", "old.txt"), String) == "new" && read(path("target", "made", "second.txt"), String) == "second"
    @test !ispath(staging) && readdir(path("target")) == ["made", "old.txt"]
    @test call(:commit_upload, E, staging, pairs)["paths"] == pairs[2:2:end]      # the reply was lost
    @test call(:commit_upload, E, staging, ["9", path("target", "none")])["error"] == "file"
    @test call(:commit_upload, E, staging, ["../x", path("target", "none")])["error"] == "file"
    mkpath(staging)
    @test call(:remove_staging, E, staging)["path"] == staging
    @test !ispath(staging)
    @test call(:remove_staging, E, staging)["path"] == staging
    @test call(:remove_staging, E, path("target"))["error"] == "file" && isdir(path("target"))
end

@testset "a commit that fails in the middle leaves the rest staged" begin
    staging = path(".engee-kernel-upload-2")
    mkpath(staging); mkpath(path("middle", "b"))
    foreach(n -> write(joinpath(staging, n), n), ["0", "1", "2"])
    failed = call(:commit_upload, E, staging, ["0", path("middle", "a"), "1", path("middle", "b"), "2", path("middle", "c")])
    @test failed["error"] == "file" && failed["path"] == path("middle", "b")
    @test sort(readdir(staging)) == ["1", "2"] && sort(readdir(path("middle"))) == ["a", "b"]
    # one whose last step fails is staged again: a name of 255 bytes can be, one of 256 can't
    long = repeat("x", 255)
    @test call(:commit_upload, E, staging, ["1", path("middle", long)])["paths"] == [path("middle", long)]
    mkpath(staging)
    write(joinpath(staging, "2"), "2")
    @test call(:commit_upload, E, staging, ["2", path("middle", long * "x")])["error"] == "file"
    @test readdir(staging) == ["2"] && sort(readdir(path("middle"))) == ["a", "b", long]
end

if Sys.islinux()
    @testset "names that are no UTF-8" begin
        mkpath(path("bytes"))
        mkdir(path("bytes", "d\xe9"))    # mkpath fails on such a name
        write(path("bytes", "caf\xe9 \$x.txt"), "1")
        write(path("bytes", "d\xe9", "\xff"), "1")
        listed = call(:files_list, E, path("bytes"))["entries"]
        @test sort([e["name"] for e in listed]) == ["caf\ufffd \$x.txt", "d\ufffd"]
        @test sort([e["escaped"] for e in listed]) == [path("bytes", raw"caf\xe9 \$x.txt"), path("bytes", raw"d\xe9")]
        found = call(:find, E, path("bytes"), "**")["entries"]
        @test length(found) == 3 && path("bytes", raw"d\xe9/\xff") in [e["escaped"] for e in found]
        @test length(call(:find, E, path("bytes"), "*.txt")["entries"]) == 1
        write(path("bytes", "plain"), "")
        @test !haskey(only_one([e for e in call(:files_list, E, path("bytes"))["entries"] if e["name"] == "plain"]), "escaped")
    end
end
