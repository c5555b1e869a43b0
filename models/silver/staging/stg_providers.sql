{{ stage('providers') }}
