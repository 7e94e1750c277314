plugins {
    id("com.android.application")
}

android {
    namespace = "com.example.activitysample"
    compileSdk = 36

    defaultConfig {
        applicationId = "com.example.activitysample"
        minSdk = 26 // as the library
        targetSdk = 36
        versionCode = 1
        versionName = "1.0"
    }

    androidResources { noCompress += "tflite" }

    buildTypes {
        release {
            isMinifyEnabled = true
            proguardFiles(getDefaultProguardFile("proguard-android-optimize.txt"))
        }
    }

    compileOptions {
        sourceCompatibility = JavaVersion.VERSION_17
        targetCompatibility = JavaVersion.VERSION_17
    }
}

dependencies {
    implementation(project(":recognition"))
    implementation("org.jetbrains.kotlinx:kotlinx-coroutines-android:1.10.2")
}
