for i in 1:LINES
    print("KEY asks ", i, ": ")
    println("KEY got ", readline())
end
NUMBER
