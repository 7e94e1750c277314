pluginManagement {
    repositories {
        google()
        mavenCentral()
        gradlePluginPortal()
    }
}

dependencyResolutionManagement {
    repositories {
        google()
        mavenCentral()
    }
}

rootProject.name = "ActivitySample"
include(":app")

// Written by `edgeconv integrate android BUNDLE --out samples/android/package`.
include(":recognition")
project(":recognition").projectDir = file("package/recognition")
