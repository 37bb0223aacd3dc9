for i in 1:LINES
    println("KEY line ", i)
    sleep(PAUSE)
end
error("KEY raised")
